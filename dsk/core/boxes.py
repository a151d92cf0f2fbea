"""The last box of a text: where responses, and the references of some data sets, state their answer."""

from __future__ import annotations

import re

BOXES = ("\\boxed", "\\fbox")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` whose braces balance, or None.

    An unbalanced later box is passed over. Every brace is looked at once, however many boxes there are.
    """
    starts = _box_starts(text)
    if not starts:
        return None
    open_braces: list[int] = []
    best: tuple[int, int] | None = None
    for match in _BRACE.finditer(text, min(starts)):
        if match[0] == "{":
            open_braces.append(match.start())
        elif match[0] == "}" and open_braces:
            start = open_braces.pop()
            if start in starts and (best is None or start > best[0]):
                best = (start, match.start())
    return None if best is None else text[best[0] + 1 : best[1]].strip()


def _box_starts(text: str) -> set[int]:
    r"""Positions of the opening braces of `\boxed {` and `\fbox{`."""
    starts: set[int] = set()
    for box in BOXES:
        at = text.find(box)
        while at >= 0:
            after = at + len(box)
            while after < len(text) and after < at + len(box) + 8 and text[after].isspace():
                after += 1
            if text[after : after + 1] == "{":
                starts.add(after)
            at = text.find(box, at + len(box))
    return starts
