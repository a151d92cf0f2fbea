"""`length`: is the response short enough?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from pydantic import Field, model_validator

from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict


class LengthVerifier(Verifier):
    """1 up to `free` characters, 0 from `most` on, and a straight line between; correct below `most`.

    A format reward, for a part of `weighted`: it reads no answer. Characters, because a verifier sees text; the
    overlong penalty of `rewards` counts tokens. Reasons: `short`, `long`, `too_long`.
    """

    kind: ClassVar[str] = "length"
    graded: ClassVar[bool] = True

    free: int = Field(2000, ge=0, description="Characters that cost nothing.")
    most: int = Field(4000, ge=1, description="Characters from which the score is 0.")

    @model_validator(mode="after")
    def _check_order(self) -> LengthVerifier:
        if self.free >= self.most:
            raise ValueError(f"free = {self.free} must be less than most = {self.most}")
        return self

    @contextmanager
    def open(self) -> Iterator[LengthVerifier]:
        """No workers: the verifier itself is the session."""
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order."""
        return [self._verdict(len(text)) for _, text in items]

    def _verdict(self, length: int) -> Verdict:
        score = min(max((self.most - length) / (self.most - self.free), 0.0), 1.0)
        reason = "short" if score == 1 else "long" if score else "too_long"
        return Verdict(score > 0, None, reason, score)
