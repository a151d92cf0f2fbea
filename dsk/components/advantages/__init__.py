"""Credit for each node of a finished group."""

from collections.abc import Callable

from dsk.components.advantages.monte_carlo import MonteCarloAdvantage
from dsk.components.advantages.node import NodeAdvantage
from dsk.components.advantages.outcome import OutcomeAdvantage
from dsk.components.advantages.probed import ProbedAdvantage
from dsk.components.advantages.subgroup import SubgroupAdvantage
from dsk.components.advantages.tree_group import TreeGroupAdvantage
from dsk.components.advantages.tree_rl import TreeRLAdvantage
from dsk.core.hookspecs import hookimpl


@hookimpl
def register_advantages(register: Callable[[type], None]) -> None:
    """The paper's node scores, and the credit of the field's other methods."""
    register(MonteCarloAdvantage)
    register(NodeAdvantage)
    register(OutcomeAdvantage)
    register(ProbedAdvantage)
    register(SubgroupAdvantage)
    register(TreeGroupAdvantage)
    register(TreeRLAdvantage)
