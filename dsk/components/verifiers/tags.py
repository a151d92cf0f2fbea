"""`tags`: is the response laid out in tags, such as `<think>...</think><answer>...</answer>`?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from pydantic import Field

from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict


class TagsVerifier(Verifier):
    """1 where each tag opens and closes once, in order, with nothing but white space outside; else 0.

    A format reward, for a part of `weighted`: it reads no answer. Reasons: `laid_out`, `other_layout`.
    """

    kind: ClassVar[str] = "tags"

    tags: tuple[str, ...] = Field(("think", "answer"), min_length=1, description="Names of the tags, in order.")
    opened: bool = Field(False, description="Whether the prompt ends with the first tag, which is then not repeated.")

    def marks(self) -> list[str]:
        """Every tag as it opens and closes, in order."""
        return [mark for tag in self.tags for mark in (f"<{tag}>", f"</{tag}>")]

    @contextmanager
    def open(self) -> Iterator[TagsVerifier]:
        """No workers: the verifier itself is the session."""
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order. Linear in the text."""
        return [self._verdict(text) for _, text in items]

    def _verdict(self, text: str) -> Verdict:
        marks = self.marks()
        pieces = re.split("(" + "|".join(map(re.escape, marks)) + ")", text)
        between = pieces[2::4] if self.opened else pieces[::4]
        laid_out = pieces[1::2] == marks[self.opened :] and not any(piece.strip() for piece in between)
        return Verdict(laid_out, None, "laid_out" if laid_out else "other_layout")
