"""Steps of a fixed length (DeepSearch section 5: 256 tokens)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dsk.core.roles import Boundary

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float


class Length(Boundary):
    """A step is the rollout's `step_tokens` long, wherever that falls (DeepSearch)."""

    kind: ClassVar[str] = "length"
    whole_steps: ClassVar[bool] = True

    def cut(self, logprobs: Float[np.ndarray, " T"]) -> int:
        """All of the step."""
        return len(logprobs)
