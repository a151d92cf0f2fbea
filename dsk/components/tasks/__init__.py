"""Where problems come from."""

from dsk.components.tasks.arithmetic import Arithmetic
from dsk.components.tasks.jsonl import Jsonl
from dsk.components.tasks.parquet import Parquet
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_tasks(register: Register) -> None:
    """The tasks that dsk brings."""
    for task in (Arithmetic, Jsonl, Parquet):
        register(task)
