"""Where a reference answer stands within the text of its column."""

from __future__ import annotations

import re

from pydantic import Field, model_validator

from dsk.core.boxes import last_boxed
from dsk.core.component import StrictModel

_SHOWN = 60


class AnswerFrom(StrictModel):
    """One of three ways to take the answer out of a worked solution; always the last place that fits counts.

    `column` alone takes a column as it is.
    """

    column: str | None = Field(None, min_length=1, description="Column to look in; null is the task's `answer`.")
    after: str | None = Field(
        None, min_length=1, description="The rest of the line after this mark: `####` for GSM8K's solutions."
    )
    boxed: bool = Field(False, description=r"What the last `\boxed{}` holds.")
    regex: str | None = Field(
        None, min_length=1, description="What a Python regular expression matches; its first group where it has one."
    )

    @model_validator(mode="after")
    def _check_one(self) -> AnswerFrom:
        ways = (self.after is not None) + self.boxed + (self.regex is not None)
        if ways > 1 or not (ways or self.column):
            raise ValueError('give one of {"after": "####"}, {"boxed": true}, {"regex": "..."}, {"column": "..."}')
        try:
            re.compile(self.regex or "")
        except re.error as error:
            raise ValueError(f"regex: {error}") from None
        return self

    def extract(self, text: str) -> str | None:
        """The answer in `text`, without white space around it; None where there is none."""
        if self.boxed:
            return last_boxed(text) or None
        if self.after is not None:
            _, mark, rest = text.rpartition(self.after)
            return rest.strip().split("\n", 1)[0].strip() or None if mark else None
        if self.regex is None:
            return text.strip() or None
        matches = list(re.finditer(self.regex, text))
        found = (matches[-1][1] if matches[-1].re.groups else matches[-1][0]) if matches else None
        return found.strip() or None if found else None

    def missing(self, text: str) -> str:
        """What to say of a text without an answer: what was looked for, and how the text ends."""
        wanted = self.model_dump_json(exclude_defaults=True)
        end = " ".join(text[-2 * _SHOWN :].split())[-_SHOWN:]
        return f"task.answer_from {wanted} finds no answer in it; it ends with '{end}'"
