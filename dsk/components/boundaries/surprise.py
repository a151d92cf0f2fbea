"""Steps that end before a token that the policy was unsure of."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from dsk.core.roles import Boundary

if TYPE_CHECKING:
    from jaxtyping import Float


class Surprise(Boundary):
    """A step ends before its least likely token, so that its children branch where the policy hesitated.

    TreeRL (Hou et al. 2025) forks at the tokens of highest entropy; -log p of the drawn token is a one-sample
    estimate of that entropy, and all that an engine has to report. Tokens after the cut were sampled for nothing.
    """

    kind: ClassVar[str] = "surprise"

    earliest: float = Field(default=0.5, ge=0, lt=1, description="Share of the step that is kept in any case.")

    def cut(self, logprobs: Float[np.ndarray, " T"]) -> int:
        """Tokens before the least likely one of the later part; all of them where only one is left."""
        first = max(1, int(np.ceil(self.earliest * len(logprobs))))
        later = logprobs[first:]
        return first + int(np.argmin(later)) if len(later) else len(logprobs)
