"""Where tokens come from."""

from dsk.components.engines.scripted import Scripted
from dsk.components.engines.transformers import Transformers
from dsk.components.engines.vllm import Vllm
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_engines(register: Register) -> None:
    """The engines that dsk brings."""
    for engine in (Scripted, Transformers, Vllm):
        register(engine)
