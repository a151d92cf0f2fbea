"""Where tokens come from."""

from dsk.components.engines.scripted import Scripted
from dsk.components.engines.transformers import Transformers
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_engines(register: Register) -> None:
    """The engines that dsk brings."""
    for engine in (Scripted, Transformers):
        register(engine)
