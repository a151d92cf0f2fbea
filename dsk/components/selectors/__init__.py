"""Which node a tree expands next."""

from dsk.components.selectors.frontier import Frontier
from dsk.components.selectors.frontier_ucb import FrontierUcb
from dsk.components.selectors.puct import Puct
from dsk.components.selectors.random import Random
from dsk.components.selectors.uct import Uct
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_selectors(register: Register) -> None:
    """The selectors that dsk brings."""
    for selector in (Frontier, FrontierUcb, Puct, Random, Uct):
        register(selector)
