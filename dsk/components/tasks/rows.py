"""Rows of a table, wherever they come from, to problems: columns by name, stable ids, bad rows named and counted."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from dsk.components.tasks.answers import AnswerFrom
from dsk.components.tasks.choices import USUAL, options_of, refuse_unseen
from dsk.components.tasks.columns import (
    LayoutFaultError,
    Messages,
    RowFaultError,
    column,
    filled,
    find,
    likely_fields,
    messages_of,
    no_column,
    placeholders,
    prompt_of,
    text_of,
)
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


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]


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
        ' `{"boxed": true}` or `{"regex": "..."}`, with `"column"` for another one than `answer`; null takes the column'
        " as it is.",
    )
    template: str | None = Field(
        None,
        min_length=1,
        description="The question as text with columns in braces, for rows without one: `Make {target} out of {nums}.`",
    )
    choices: Names | None = Field(
        None,
        description="Column of a multiple-choice question's options, or one column for each: they are put below the"
        " question as A, B, and so on, and the reference becomes a letter. [] says that the question has them already.",
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
            stream: Any = ()
            try:
                stream = task.problems(split)
                found = list(islice(stream, limit or None))
            except DataError as error:
                return [], [_layout_fault(stream) or str(error)]
        if self.on_bad_row != "error" or not isinstance(stream, ProblemStream):
            return found, []
        layout = _layout_fault(stream)
        return found, [layout] if layout else stream.skipped

    @model_validator(mode="after")
    def _check_layout(self) -> RowTask:
        if self.template is not None and self.problem is not None:
            raise ValueError("give problem or template, not both: a template names its columns in braces")
        if self.template is not None and not placeholders(self.template):
            raise ValueError("template names no column; write one in braces, such as {question}")
        if self.answer is not None and self.answer_from is not None and self.answer_from.column is not None:
            raise ValueError("give answer or answer_from.column, not both")
        return self

    def layout(self, columns: Mapping[str, Any]) -> tuple[str, str]:
        """The question's and the answer's column among `columns` (a row, or anything shaped like one)."""
        verl = find(columns, VERL_LAYOUT[0]) is not None and find(columns, VERL_LAYOUT[1]) is not None
        problem, answer = VERL_LAYOUT if verl and self.problem is None else PLAIN_LAYOUT
        extracted = self.answer_from.column if self.answer_from else None
        return self.problem or problem, self.answer or extracted or (VERL_LAYOUT[1] if verl else answer)

    def columns_in_use(self, columns: Mapping[str, Any]) -> list[str]:
        """Every column of `columns` (a row, or anything shaped like one) that a problem is made of."""
        question, reference = self.layout(columns)
        asked = placeholders(self.template) if self.template else [question]
        usual = [name for name in USUAL if name in columns] if self.choices is None else self.choices
        return [*asked, reference, *usual, *([self.id] if self.id else []), *self.meta]

    def reading(self) -> tuple[str | None, ...]:
        """What decides how a row is read, for the data set's identity; new fields add nothing where they are unset."""
        parts = [self.answer_from.model_dump_json(exclude_defaults=True)] if self.answer_from else []
        parts += [f"template {self.template}"] if self.template else []
        return (self.problem, self.answer, self.id, *parts, *(f"choice {name}" for name in self.choices or ()))

    def problem_of(self, row: Mapping[str, Any]) -> Problem:
        """One row as a Problem. Raises RowFaultError."""
        question, reference = self.layout(row)
        self._check_columns(row, question, reference)
        prompt, answer = self._question(row, question, reference), self._answer(row, reference)
        if self.choices:
            prompt, answer = self._lettered(row, prompt, answer, reference)
        name = text_of(column(row, self.id), self.id) if self.id else content_id(prompt, answer)
        meta = {kept: column(row, kept) for kept in self.meta}
        extra = row.get(VERL_META)
        if question == VERL_LAYOUT[0] and isinstance(extra, Mapping):
            meta = {**extra, **meta}
        return Problem(name, prompt, answer, meta)

    def _check_columns(self, row: Mapping[str, Any], question: str, reference: str) -> None:
        """Raise LayoutFaultError where the plain layout is not there and another one is, or options are left out."""
        asked = "template" if self.template else question
        lacking = [n for n, c in (("problem", asked), ("answer", reference)) if c == n and n not in row]
        hint = likely_fields(row, lacking)
        if hint:
            raise LayoutFaultError(f"{no_column(lacking[0], list(row))}; set {hint}")
        if self.choices is None and self.template is None:
            refuse_unseen(row)

    def _question(self, row: Mapping[str, Any], question: str, reference: str) -> str | Messages:
        if self.template:
            return filled(self.template, row)
        prompt = prompt_of(column(row, question), question)
        if isinstance(prompt, str) or prompt[-1]["role"] != "assistant":
            return prompt
        if question != reference:
            raise LayoutFaultError(
                f"'{question}' ends with the assistant's answer, which the model would be shown; set task.answer to"
                f" '{question}' to take the reference from it and leave it out of the prompt"
            )
        if len(prompt) == 1:
            raise RowFaultError(f"'{question}' has an answer and no question")
        return prompt[:-1]

    def _lettered(self, row: Mapping[str, Any], prompt: str | Messages, answer: str, reference: str) -> tuple[str, str]:
        if not isinstance(prompt, str):
            raise RowFaultError("options are put below a question that is text, and it is chat messages")
        options = options_of(row, self.choices or ())
        given = answer if self.answer_from else column(row, reference)
        return options.below(prompt), options.letter(given, reference)

    def _answer(self, row: Mapping[str, Any], reference: str) -> str:
        value = column(row, reference)
        text = text_of(messages_of(value, reference)[-1]["content"] if _is_chat(value) else value, reference)
        found = self.answer_from.extract(text) if self.answer_from else text
        if found is None:
            assert self.answer_from is not None
            raise RowFaultError(f"'{reference}': {self.answer_from.missing(text)}")
        return found


def _is_chat(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[-1], Mapping)


def _layout_fault(stream: Any) -> str | None:
    """What is wrong with the layout of a stream's rows, said once instead of for each row."""
    return stream.layout if isinstance(stream, ProblemStream) else None


@dataclass
class ProblemStream:
    """Problems of one split, read anew by each iteration; `skipped`, `repeated`, `layout` describe the last one.

    A row that repeats an earlier question and answer is the same problem and comes once. Raises DataError at a bad row
    (unless the task skips them) and at the end of a data set without problems.
    """

    task: RowTask
    source: str
    rows: Callable[[], Iterator[Row]]
    skipped: list[str] = field(default_factory=list)
    repeated: int = 0
    layout: str | None = None

    def __iter__(self) -> Iterator[Problem]:
        self.skipped, self.repeated, self.layout = [], 0, None
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
            return self._refuse(f"{where}: {fault}", isinstance(fault, LayoutFaultError))
        if problem.id in seen:
            self.repeated += 1
            return None
        seen[problem.id] = content
        return problem

    def _refuse(self, fault: str, layout: bool) -> None:
        if self.task.on_bad_row == "error":
            remedy = "" if layout else "; fix the row, or set task.on_bad_row to 'skip'"
            raise DataError(fault + remedy) from None
        self.skipped.append(fault)
        self.layout = self.layout or (fault if layout else None)

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
