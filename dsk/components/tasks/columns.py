"""One row's columns: found by name or dotted path, made text or chat messages, and what is wrong with one, said."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dsk.core.boxes import last_boxed
from dsk.core.component import did_you_mean

Messages = tuple[Mapping[str, str], ...]

QUESTIONS = ("question", "Problem", "Question", "query", "prompt", "input", "instruction", "messages")
ANSWERS = ("final_answer", "Answer", "answerKey", "correct", "target", "ground_truth", "solution", "Solution", "output")
"""Names that published data sets give to the question and to the reference answer, the likelier first."""
_BRACES = re.compile(r"(?<![^\W_])\{([\w.]+)\}")


class RowFaultError(ValueError):
    """What is wrong with one row; the reader adds where."""


class LayoutFaultError(RowFaultError):
    """The rows have other columns than the task says; no row of the file is to blame, and the text says what to set."""


def column(row: Mapping[str, Any], name: str) -> Any:
    """A column by name, or by dotted path. Raises RowFaultError naming the columns there are."""
    found = find(row, name)
    if found is None:
        if name in row:
            raise RowFaultError(f"'{name}' is null")
        raise RowFaultError(no_column(name, list(row)))
    return found


def no_column(name: str, columns: list[str]) -> str:
    """The message for a column that is not there."""
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    return f"no column '{name}'; columns: {shown or 'none'}{did_you_mean(name, columns)}"


def find(row: Mapping[str, Any], name: str) -> Any:
    """A column's value, None where there is none."""
    if name in row:
        return row[name]
    found: Any = row
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def likely_fields(row: Mapping[str, Any], lacking: Sequence[str]) -> str | None:
    """What to set where a row has neither column of the plain layout but some that data sets use; None where not.

    `lacking` are the fields without a column, of `problem` and `answer`.
    """
    found: list[str] = []
    for field, names in (("problem", QUESTIONS), ("answer", ANSWERS)):
        near = next((name for name in names if name in row), None) if field in lacking else None
        if near:
            found.append(_setting(field, near, row[near]))
    if lacking and lacking[0] == "problem" and found and "problem" not in found[0]:
        found.insert(0, f"task.template to a text with columns in braces, such as {{{next(iter(row))}}},")
    return " and ".join(found) or None


def _setting(field: str, name: str, value: Any) -> str:
    if field == "problem" or not isinstance(value, str):
        return f"task.{field} to '{name}'"
    if last_boxed(value):
        return f'task.answer_from to {{"column": "{name}", "boxed": true}}'
    after = "####" in value
    return f'task.answer_from to {{"column": "{name}", "after": "####"}}' if after else f"task.answer to '{name}'"


def text_of(value: Any, name: str) -> str:
    """A column's value as text. Raises RowFaultError for anything but text or a finite number, and for no text."""
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


def prompt_of(value: Any, name: str) -> str | Messages:
    """A question: text, or chat messages as they are. Raises RowFaultError for anything else."""
    return text_of(value, name) if isinstance(value, str) else messages_of(value, name)


def messages_of(value: Any, name: str) -> Messages:
    """Chat messages with their role and content. Raises RowFaultError for anything else."""
    if not isinstance(value, list | tuple) or not value:
        raise RowFaultError(f"'{name}' is {type(value).__name__}, not text or a list of chat messages")
    for message in value:
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise RowFaultError(f"'{name}' holds a message that is not an object with role and content")
    return tuple({part: text_of(message[part], f"{name}.{part}") for part in ("role", "content")} for message in value)


def placeholders(template: str) -> list[str]:
    r"""The columns that a template names in braces; those after a letter or digit, as in `\boxed{x}`, are text."""
    return [match[1] for match in _BRACES.finditer(template)]


def filled(template: str, row: Mapping[str, Any]) -> str:
    """The template with the row's columns; lists and objects as JSON has them. Raises RowFaultError."""
    return _BRACES.sub(lambda match: _filler(column(row, match[1]), match[1]), template)


def _filler(value: Any, name: str) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | Mapping) else text_of(value, name)
