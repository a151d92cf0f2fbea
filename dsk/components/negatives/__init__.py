"""Which wrong answer of an expansion is learnt from."""

from dsk.components.negatives.least_confident import LeastConfident
from dsk.components.negatives.most_confident import MostConfident
from dsk.components.negatives.random import RandomNegative
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_negatives(register: Register) -> None:
    """The choices of negatives that dsk brings."""
    for negative in (LeastConfident, MostConfident, RandomNegative):
        register(negative)
