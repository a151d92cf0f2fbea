"""The last box of a text: where responses, and the references of some data sets, state their answer."""

from __future__ import annotations

import re
from typing import NamedTuple

BOXES = ("\\boxed", "\\fbox")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


class Box(NamedTuple):
    """Where a box stands in its text: its macro at `macro`, what it holds from `start` to `end`."""

    macro: int
    start: int
    end: int


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` whose braces balance, or None.

    An unbalanced later box is passed over. Every brace is looked at once, however many boxes there are.
    """
    boxes = balanced_boxes(text)
    return text[boxes[-1].start : boxes[-1].end].strip() if boxes else None


def balanced_boxes(text: str) -> list[Box]:
    """Every box whose braces balance, in the order in which they begin; boxes in boxes too."""
    starts = _box_starts(text)
    if not starts:
        return []
    open_braces: list[int] = []
    found: list[Box] = []
    for match in _BRACE.finditer(text, min(starts)):
        if match[0] == "{":
            open_braces.append(match.start())
        elif match[0] == "}" and open_braces:
            start = open_braces.pop()
            if start in starts:
                found.append(Box(starts[start], start + 1, match.start()))
    return sorted(found)


def _box_starts(text: str) -> dict[int, int]:
    r"""Positions of the opening braces of `\boxed {` and `\fbox{`, and where each macro begins."""
    starts: dict[int, int] = {}
    for box in BOXES:
        at = text.find(box)
        while at >= 0:
            after = at + len(box)
            while after < len(text) and after < at + len(box) + 8 and text[after].isspace():
                after += 1
            if text[after : after + 1] == "{":
                starts[after] = at
            at = text.find(box, at + len(box))
    return starts
