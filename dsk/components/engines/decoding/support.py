"""Which models cached decoding is right for, told from their configuration alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsk.core.component import as_object

SUPPORTED = ("llama", "qwen2", "qwen3")
LENGTH_DEPENDENT_ROPE = ("dynamic", "longrope")


def decoding_obstacle(config: Mapping[str, Any]) -> str | None:
    """Why cached decoding would be wrong for this configuration (a config.json), or None."""
    kind = config.get("model_type")
    name = f"the transformers engine cannot run a '{kind}' model"
    if kind not in SUPPORTED:
        return f"{name}; it runs {', '.join(SUPPORTED)}; for others use the vllm engine"
    others = set(config.get("layer_types") or ()) - {"full_attention"}
    if others:
        found = ", ".join(sorted(others))
        return f"{name} with {found} layers; it needs full attention in every layer; use the vllm engine"
    scaling = as_object(config.get("rope_parameters")) or as_object(config.get("rope_scaling")) or {}
    rope = scaling.get("rope_type") or scaling.get("type")
    if rope in LENGTH_DEPENDENT_ROPE:
        return (
            f"{name} with '{rope}' position scaling: its keys change with the length, so they cannot be cached;"
            " use the vllm engine, or a model with another rope_type"
        )
    return None
