"""Which path a model gets: shared prefixes, its own cache, or a forward of all tokens for each; or none at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Path:
    """How a model is decoded: `shared` prefixes or not, else with its own cache where it is `cached`, and why."""

    shared: bool
    cached: bool
    reason: str | None = None

    @property
    def told(self) -> str | None:
        """One line for a model that does not get the shared path."""
        if self.shared:
            return None
        how = "with the model's own cache, a request at a time" if self.cached else "by a forward of all tokens for each"
        return f"engine: {self.reason}; its samples are decoded {how}, which is exact and slower"


def path_of(model: Any) -> Path:
    """The fastest path that is exact for the model; one on the device `meta` is judged by its class."""
    from dsk.core.model.architecture import bare_model, moving_rope, sharing_obstacle

    rope = moving_rope(bare_model(model).config)
    if rope:
        return Path(False, False, f"keys under '{rope}' position scaling change with the length")
    obstacle = sharing_obstacle(model)
    return Path(obstacle is None, True, obstacle)
