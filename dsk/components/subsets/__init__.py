"""Which trajectories of a group are trained."""

from collections.abc import Callable

from dsk.components.subsets.all import AllTrajectories
from dsk.components.subsets.balanced import Balanced
from dsk.components.subsets.correct_first import CorrectFirst
from dsk.components.subsets.per_tree import PerTree
from dsk.core.hookspecs import hookimpl


@hookimpl
def register_subsets(register: Callable[[type], None]) -> None:
    """All of them, or what TreeRL, Reinforce-Ada and Tree-GRPO keep."""
    for subset in (AllTrajectories, Balanced, CorrectFirst, PerTree):
        register(subset)
