"""Which path a model gets: shared prefixes or its own cache; or none at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RECURRENT = ("mamba", "mamba2", "linear_attention", "recurrent", "conv")


def decoding_obstacle(config: Mapping[str, Any]) -> str | None:
    """Why a model of this config.json cannot be decoded at all, or None, as far as the file alone tells."""
    kind = config.get("model_type")
    if config.get("is_encoder_decoder"):
        return f"'{kind}' is an encoder-decoder; dsk trains causal language models"
    states = sorted({str(layer) for layer in config.get("layer_types") or ()} & set(RECURRENT))
    if states:
        return (
            f"'{kind}' keeps a recurrent state ({', '.join(states)} layers), which samples cannot share;"
            " take a transformer"
        )
    return None


def plain_notice(model: Any) -> str | None:
    """One line for a model that decodes by plain forwards, with the reason; one on `meta` is judged by its class."""
    from dsk.core.model.architecture import sharing_obstacle

    obstacle = sharing_obstacle(model)
    if obstacle is None:
        return None
    return f"engine: {obstacle}; it decodes a request at a time with the model's own cache, which is exact and slower"
