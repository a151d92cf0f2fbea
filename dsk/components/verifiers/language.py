"""`language`: is the response written in the language's script?"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from pydantic import Field

from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict

_COMMAND = re.compile(r"\\[A-Za-z]+|</?\w+>")


class LanguageVerifier(Verifier):
    """The share of the response's letters that are of `scripts`; correct where it is at least `threshold`.

    A format reward, for a part of `weighted`, against answers that change their script half-way (DeepSeek-R1's language
    consistency). Languages of one script are not told apart. LaTeX commands and tags are left out. A response without
    letters scores 1. Reasons: `consistent`, `mixed`.
    """

    kind: ClassVar[str] = "language"
    graded: ClassVar[bool] = True

    scripts: tuple[str, ...] = Field(
        ("LATIN", "GREEK"),
        min_length=1,
        description="First words of the letters' Unicode names: LATIN, GREEK, CYRILLIC, CJK, HIRAGANA, ARABIC, ...",
    )
    threshold: float = Field(0.95, ge=0, le=1, description="Least share of a correct response.")

    @contextmanager
    def open(self) -> Iterator[LanguageVerifier]:
        """No workers: the verifier itself is the session."""
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order. Linear in the text."""
        return [self._verdict(text) for _, text in items]

    def _verdict(self, text: str) -> Verdict:
        letters = Counter(c for c in _COMMAND.sub(" ", text) if c.isalpha())
        total = letters.total()
        ours = sum(n for c, n in letters.items() if unicodedata.name(c, "").split(" ", 1)[0] in self.scripts)
        score = ours / total if total else 1.0
        consistent = score >= self.threshold
        return Verdict(consistent, None, "consistent" if consistent else "mixed", score)
