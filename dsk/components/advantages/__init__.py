"""Credit for each node of a finished group."""

from collections.abc import Callable

from dsk.components.advantages.monte_carlo import MonteCarloAdvantage
from dsk.components.advantages.node import NodeAdvantage
from dsk.components.advantages.outcome import OutcomeAdvantage
from dsk.core.hookspecs import hookimpl


@hookimpl
def register_advantages(register: Callable[[type], None]) -> None:
    """The paper's node scores; outcome rewards and Monte-Carlo differences for comparison."""
    register(MonteCarloAdvantage)
    register(NodeAdvantage)
    register(OutcomeAdvantage)
