"""A suite file: the test sets of one table, each with its task, prompt and number of samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from dsk.core.component import StrictModel
from dsk.core.errors import SpecError
from dsk.core.input.reading import read_json
from dsk.core.loading import validation_lines
from dsk.core.plugins.registry import load_registry
from dsk.core.roles import Task, Verifier
from dsk.core.spec import PromptSpec, RunSpec


class SuiteEntry(StrictModel):
    """One column of the table."""

    task: Task = Field(description="Where the problems are; a task's test split, or its training split if it has none.")
    prompt: PromptSpec | None = Field(default=None, description="How problems become prompts; null is the spec's way.")
    verifier: Verifier | None = Field(default=None, description="Who judges; null is the spec's verifier.")
    samples: int = Field(default=32, ge=1, description="Samples a problem (the paper: 32).")
    max_response_tokens: int | None = Field(default=None, ge=1, description="Longest response; null is the spec's.")


class Suite(StrictModel):
    """Test sets by the name of their column."""

    name: str = Field(description="Title of the table.")
    tasks: dict[str, SuiteEntry] = Field(min_length=1, description="Column name to test set, in the table's order.")


def load_suite(path: Path) -> Suite:
    """Read a suite file. Raises SpecError listing every fault."""
    data = read_json(path)
    if not isinstance(data, Mapping):
        raise SpecError(f"{path}: a suite is a JSON object, not {type(data).__name__}")
    try:
        return Suite.model_validate(data, context={"registry": load_registry()})
    except ValidationError as error:
        raise SpecError(*validation_lines(error, str(path))) from None


def judged_spec(spec: RunSpec, entry: SuiteEntry) -> RunSpec:
    """The spec with what the entry says in its place."""
    parts: dict[str, Any] = {
        "task": entry.task,
        "prompt": entry.prompt,
        "verifier": entry.verifier,
        "max_response_tokens": entry.max_response_tokens,
    }
    return spec.model_copy(update={name: part for name, part in parts.items() if part is not None})
