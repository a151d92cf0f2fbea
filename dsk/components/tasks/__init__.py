"""Where problems come from."""

from dsk.components.tasks.arithmetic import Arithmetic
from dsk.components.tasks.csv import Csv
from dsk.components.tasks.huggingface import HuggingFace
from dsk.components.tasks.jsonl import Jsonl
from dsk.components.tasks.parquet import Parquet
from dsk.components.tasks.reasoning_gym import ReasoningGym
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_tasks(register: Register) -> None:
    """The tasks that dsk brings."""
    for task in (Arithmetic, Csv, HuggingFace, Jsonl, Parquet, ReasoningGym):
        register(task)
