"""Where a step of a tree ends."""

from dsk.components.boundaries.length import Length
from dsk.components.boundaries.surprise import Surprise
from dsk.components.boundaries.text import Text
from dsk.components.boundaries.uncertain import Uncertain
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_boundaries(register: Register) -> None:
    """The boundaries that dsk brings."""
    for boundary in (Length, Surprise, Text, Uncertain):
        register(boundary)
