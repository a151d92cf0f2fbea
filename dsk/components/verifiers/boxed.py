r"""`boxed`: the paper's own rule, string equality of the last box near the end of the response."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from pydantic import Field

from dsk.components.verifiers.answers.extraction import is_bare_answer
from dsk.core.boxes import last_boxed
from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict

_REPLACED = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text"),
    (",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip
_REMOVED = (
    "square", "ways", "integers", "dollars", "mph", "inches", "hours", "km", "units", "\\ldots", "sue", "points",
    "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students",
    "childrentickets", "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}",
    "\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots",
)  # fmt: skip
_WRAPPED = re.compile(r"\\(?:text|textbf|overline)\{([^{}]*)\}")
_FRAC = re.compile(r"frac([^{])(.)")
_SQRT = re.compile(r"sqrt([^{])")


def normalised(answer: str) -> str:
    """Minerva's normal form, which the released code compares: units, spacing and text wrappers removed."""
    answer = answer.split("=")[-1]
    for old, new in _REPLACED:
        answer = answer.replace(old, new)
    for part in _REMOVED:
        answer = answer.replace(part, "")
    answer = _WRAPPED.sub(r"\1", answer)
    answer = _SQRT.sub(r"sqrt{\1}", _FRAC.sub(r"frac{\1}{\2}", answer)).replace("$", "")
    return answer.replace(",", "").strip() if answer.replace(",", "").isdigit() else answer.strip()


class BoxedVerifier(Verifier):
    """Normalised string equality of the last box within the last `window` characters, as the paper scores answers.

    It knows no equivalent forms: `\\frac{1}{2}` and `0.5` differ. `math` does.
    """

    kind: ClassVar[str] = "boxed"
    window: int = Field(300, ge=1, le=100_000, description="Characters at the end of a response that are looked at.")

    def can_judge(self, reference: str) -> bool:
        """Whether it could stand in a box within `window` characters; a worked solution could not."""
        return is_bare_answer(reference, self.window)

    @contextmanager
    def open(self) -> Iterator[BoxedVerifier]:
        """No workers: the verifier itself is the session."""
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """`equal`, `different` or `no_answer` for each item, in order."""
        return [self._verdict(problem.answer, text) for problem, text in items]

    def _verdict(self, gold: str, text: str) -> Verdict:
        answer = last_boxed(text[-self.window :])
        if answer is None:
            return Verdict(False, None, "no_answer")
        equal = normalised(answer) == normalised(gold)
        return Verdict(equal, answer, "equal" if equal else "different")
