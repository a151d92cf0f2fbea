"""Where whole responses are forked."""

from dsk.components.forks.half import HalfForks
from dsk.components.forks.pivot import Pivot
from dsk.components.forks.surprise import SurpriseForks
from dsk.components.forks.uniform_step import UniformStep
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_forks(register: Register) -> None:
    """The fork rules that dsk brings."""
    for rule in (HalfForks, Pivot, SurpriseForks, UniformStep):
        register(rule)
