"""Rows of a table, wherever they come from, to problems: columns by name, stable ids, bad rows named and counted."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from pydantic import Field

from dsk.components.tasks.answers import AnswerFrom
from dsk.core.component import did_you_mean
from dsk.core.errors import DataError, Notice
from dsk.core.roles import Task
from dsk.core.types import Problem

PLAIN_LAYOUT = ("problem", "answer")
VERL_LAYOUT = ("prompt", "reward_model.ground_truth")
VERL_META = "extra_info"
SHOWN_FAULTS = 3

Row = tuple[str, "Mapping[str, Any] | str"]
"""Where a row is (`file:line`, counted from 1), and its columns, or what is wrong with it."""


class DataWarning(Notice):
    """Rows were left out of a data set because the spec allows it; the text says how many and where."""


class RowFaultError(ValueError):
    """What is wrong with one row; the reader adds where."""


class RowTask(Task):
    """Fields and rules that every task made of rows shares."""

    problem: str | None = Field(
        None,
        description="Column of the question: text, or chat messages. Dots reach into objects. null recognises veRL's"
        " layout (prompt, reward_model.ground_truth, extra_info) and otherwise takes `problem`.",
    )
    answer: str | None = Field(None, description="Column of the reference answer; null as above, otherwise `answer`.")
    answer_from: AnswerFrom | None = Field(
        None,
        description='Where the answer stands in a column that holds a worked solution: `{"after": "####"}` (GSM8K),'
        ' `{"boxed": true}` or `{"regex": "..."}`; null takes the column as it is.',
    )
    id: str | None = Field(None, description="Column of a unique id; null is a hash of question and answer.")
    meta: tuple[str, ...] = Field((), description="Columns kept with the problem; veRL's extra_info is kept unasked.")
    on_bad_row: Literal["error", "skip"] = Field(
        "error", description="`error` stops at a row that cannot be used; `skip` leaves it out, counts and reports it."
    )

    def survey(self, split: Literal["train", "test"], limit: int = 0) -> tuple[list[Problem], list[str]]:
        """As for every task; all bad rows are found, also where the run would stop at the first."""
        task = self.model_copy(update={"on_bad_row": "skip"}) if self.on_bad_row == "error" else self
        with warnings.catch_warnings():
            if self.on_bad_row == "error":
                warnings.filterwarnings("ignore", ".*bad rows skipped", DataWarning)
            try:
                stream = task.problems(split)
                found = list(islice(stream, limit or None))
            except DataError as error:
                return [], [str(error)]
        faults = stream.skipped if isinstance(stream, ProblemStream) else []
        return found, faults if self.on_bad_row == "error" else []

    def layout(self, columns: Mapping[str, Any]) -> tuple[str, str]:
        """The question's and the answer's column among `columns` (a row, or anything shaped like one)."""
        verl = _find(columns, VERL_LAYOUT[0]) is not None and _find(columns, VERL_LAYOUT[1]) is not None
        problem, answer = VERL_LAYOUT if verl and self.problem is None else PLAIN_LAYOUT
        return self.problem or problem, self.answer or (VERL_LAYOUT[1] if verl else answer)

    def problem_of(self, row: Mapping[str, Any]) -> Problem:
        """One row as a Problem. Raises RowFaultError."""
        question, reference = self.layout(row)
        prompt, answer = _prompt(column(row, question), question), self._answer(row, reference)
        name = _text(column(row, self.id), self.id) if self.id else content_id(prompt, answer)
        meta = {kept: column(row, kept) for kept in self.meta}
        extra = row.get(VERL_META)
        if question == VERL_LAYOUT[0] and isinstance(extra, Mapping):
            meta = {**extra, **meta}
        return Problem(name, prompt, answer, meta)

    def _answer(self, row: Mapping[str, Any], reference: str) -> str:
        text = _text(column(row, reference), reference)
        if self.answer_from is None:
            return text
        found = self.answer_from.extract(text)
        if found is None:
            raise RowFaultError(f"'{reference}': {self.answer_from.missing(text)}")
        return found


@dataclass
class ProblemStream:
    """Problems of one split, read anew by each iteration; `skipped` and `repeated` describe the last one.

    A row that repeats an earlier question and answer is the same problem and comes once. Raises DataError at a bad row
    (unless the task skips them) and at the end of a data set without problems.
    """

    task: RowTask
    source: str
    rows: Callable[[], Iterator[Row]]
    skipped: list[str] = field(default_factory=list)
    repeated: int = 0

    def __iter__(self) -> Iterator[Problem]:
        self.skipped, self.repeated = [], 0
        seen: dict[str, str] = {}
        for where, row in self.rows():
            problem = self._problem(where, row, seen)
            if problem is not None:
                yield problem
        self._report(len(seen))

    def _problem(self, where: str, row: Mapping[str, Any] | str, seen: dict[str, str]) -> Problem | None:
        try:
            if isinstance(row, str):
                raise RowFaultError(row)
            problem = self.task.problem_of(row)
            content = content_id(problem.prompt, problem.answer) if self.task.id else ""
            if seen.get(problem.id, content) != content:
                raise RowFaultError(f"{self.task.id} '{problem.id}' is already the id of another problem")
        except RowFaultError as fault:
            return self._refuse(f"{where}: {fault}")
        if problem.id in seen:
            self.repeated += 1
            return None
        seen[problem.id] = content
        return problem

    def _refuse(self, fault: str) -> None:
        if self.task.on_bad_row == "error":
            raise DataError(f"{fault}; fix the row, or set task.on_bad_row to 'skip'") from None
        self.skipped.append(fault)

    def _report(self, problems: int) -> None:
        faults = "; ".join(self.skipped[:SHOWN_FAULTS]) + ("; ..." if len(self.skipped) > SHOWN_FAULTS else "")
        if not problems:
            found = f"all its {len(self.skipped)} rows are bad: {faults}" if self.skipped else "it has no rows"
            raise DataError(f"{self.source}: the data set is empty ({found}); name a file with problems")
        if self.skipped:
            warnings.warn(f"{self.source}: {len(self.skipped)} bad rows skipped: {faults}", DataWarning, stacklevel=3)
        if self.repeated:
            text = f"{self.source}: {self.repeated} rows repeat an earlier problem and were left out"
            warnings.warn(text, DataWarning, stacklevel=3)


def content_id(prompt: str | tuple[Mapping[str, str], ...], answer: str) -> str:
    """16 hexadecimal digits that depend on question and answer only, not on file or order."""
    question = prompt if isinstance(prompt, str) else [[m["role"], m["content"]] for m in prompt]
    return hashlib.sha256(json.dumps([question, answer]).encode()).hexdigest()[:16]


def column(row: Mapping[str, Any], name: str) -> Any:
    """A column by name, or by dotted path. Raises RowFaultError naming the columns there are."""
    found = _find(row, name)
    if found is None:
        if name in row:
            raise RowFaultError(f"'{name}' is null")
        raise RowFaultError(no_column(name, list(row)))
    return found


def no_column(name: str, columns: list[str]) -> str:
    """The message for a column that is not there."""
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    return f"no column '{name}'; columns: {shown or 'none'}{did_you_mean(name, columns)}"


def _find(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    found: Any = row
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _text(value: Any, name: str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise RowFaultError(f"'{name}' is {value}, not a finite number")
    if not isinstance(value, str | int | float):
        raise RowFaultError(f"'{name}' is {type(value).__name__}, not text")
    try:
        text = str(value)
        text.encode()
    except ValueError as error:
        raise RowFaultError(f"'{name}' cannot be read as text: {error}") from None
    if not text.strip():
        raise RowFaultError(f"'{name}' is empty")
    return text


def _prompt(value: Any, name: str) -> str | tuple[Mapping[str, str], ...]:
    if isinstance(value, str):
        return _text(value, name)
    if not isinstance(value, list | tuple) or not value:
        raise RowFaultError(f"'{name}' is {type(value).__name__}, not text or a list of chat messages")
    for message in value:
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise RowFaultError(f"'{name}' holds a message that is not an object with role and content")
    return tuple({part: _text(message[part], f"{name}.{part}") for part in ("role", "content")} for message in value)
