"""Who rates the steps of a tree while it grows."""

from dsk.components.scorers.none import NoScores
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_scorers(register: Register) -> None:
    """The scorers that dsk brings."""
    register(NoScores)
