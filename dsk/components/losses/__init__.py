"""Losses: per-token log-probabilities and advantages to a scalar."""

from collections.abc import Callable

from dsk.components.losses.cispo import CISPO
from dsk.components.losses.dapo import DAPO
from dsk.components.losses.dr_grpo import DrGRPO
from dsk.components.losses.grpo import GRPO
from dsk.components.losses.gspo import GSPO
from dsk.components.losses.reinforce import Reinforce
from dsk.components.losses.tree_grpo import TreeGRPO
from dsk.core.hookspecs import hookimpl


@hookimpl
def register_losses(register: Callable[[type], None]) -> None:
    """The paper's loss and those it is compared with."""
    for loss in (TreeGRPO, GRPO, DrGRPO, DAPO, GSPO, CISPO, Reinforce):
        register(loss)
