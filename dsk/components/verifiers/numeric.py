"""`numeric`: the answer's value within a tolerance, units aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field

from dsk.components.verifiers.answers.exact import number
from dsk.components.verifiers.answers.extraction import extract
from dsk.components.verifiers.answers.normal import form
from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict


def value(answer: str) -> Fraction | None:
    r"""The number an answer states, units, names and `\approx` aside; None where it is not one."""
    found = form(answer.replace("\\approx", "=").replace("≈", "=").replace("e+", "e").strip())
    exact = number(found.core)
    if exact is None:
        exact = _float(found.core)
    return exact / 100 if exact is not None and found.unit == "%" else exact


def _float(core: str) -> Fraction | None:
    """`1.5e-3` and the like."""
    mantissa, e, exponent = core.lower().partition("e")
    if not e or len(exponent) > 4 or not exponent.lstrip("+-").isdecimal():
        return None
    scaled = number(mantissa)
    power = (
        int(exponent) if exponent.lstrip("+-").isascii() and exponent.count("-") + exponent.count("+") <= 1 else None
    )
    return None if scaled is None or power is None else scaled * Fraction(10) ** power


class NumericVerifier(Verifier):
    """|answer - reference| <= max(absolute, relative * |reference|); units, names and separators are stripped.

    Reasons: `equal`, `different`, `no_answer`, `unparsable`. No workers: everything it does is linear in the text.
    """

    kind: ClassVar[str] = "numeric"
    relative: float = Field(1e-6, ge=0, description="Tolerance as a share of the reference's absolute value.")
    absolute: float = Field(1e-9, ge=0, description="Tolerance in the reference's unit.")
    percent: bool = Field(True, description="Accept `50%` also where the reference is 50 rather than 0.5.")
    fallbacks: tuple[Literal["phrase", "number", "line"], ...] = Field(
        ("phrase", "number"), description="Where to look without a box, in order."
    )
    max_answer_chars: int = Field(1000, ge=1, le=20_000, description="A longer answer is `unparsable`.")

    def can_judge(self, reference: str) -> bool:
        """Whether it is a number."""
        return value(reference) is not None

    @contextmanager
    def open(self) -> Iterator[NumericVerifier]:
        """No workers: the verifier itself is the session."""
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order."""
        return [self._verdict(problem.answer, extract(text, self.fallbacks)) for problem, text in items]

    def _verdict(self, gold: str, answer: str | None) -> Verdict:
        if answer is None:
            return Verdict(False, None, "no_answer")
        given = value(answer) if len(answer) <= self.max_answer_chars else None
        wanted = value(gold)
        if given is None or wanted is None:
            return Verdict(False, answer, "unparsable")
        near = self._near(given, wanted) or (self.percent and self._percent_near(answer, given, gold, wanted))
        return Verdict(near, answer, "equal" if near else "different")

    def _near(self, given: Fraction, wanted: Fraction) -> bool:
        return abs(given - wanted) <= max(Fraction(self.absolute), Fraction(self.relative) * abs(wanted))

    def _percent_near(self, answer: str, given: Fraction, gold: str, wanted: Fraction) -> bool:
        """Compare the figures before the percent sign where only one side has one."""
        if ("%" in answer) == ("%" in gold):
            return False
        return self._near(given * 100, wanted) if "%" in answer else self._near(given, wanted * 100)
