"""`reinforce`: the plain policy gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from dsk.components.losses.policy import PolicyLoss
from dsk.core.roles import LossInputs

if TYPE_CHECKING:
    from torch import Tensor


class Reinforce(PolicyLoss):
    """`-A log p`, without ratio or clipping (Williams 1992); exact only for fresh samples."""

    kind: ClassVar[str] = "reinforce"

    def objective(self, inputs: LossInputs, log_ratio: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The score function of each token."""
        return -inputs.advantages * inputs.logprobs, {}
