"""Credit for each node of a finished group."""

from collections.abc import Callable

from dsk.components.advantages.node import NodeAdvantage
from dsk.components.advantages.outcome import OutcomeAdvantage
from dsk.core.hookspecs import hookimpl


@hookimpl
def register_advantages(register: Callable[[type], None]) -> None:
    """The paper's node scores, and outcome rewards for comparison."""
    register(NodeAdvantage)
    register(OutcomeAdvantage)
