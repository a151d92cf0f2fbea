"""Where a response states its answer. Everything here is linear in the text: responses are hostile input."""

from __future__ import annotations

import re

BOXES = ("\\boxed", "\\fbox")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_PHRASE = re.compile(r"(?:final answer|answer)(?: is)?\s{0,4}[:=]?", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?|-?\.\d+")


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


def after_phrase(text: str, window: int = 2000) -> str | None:
    """The rest of the line after the last "answer is" or "answer:" in the last `window` characters, or None."""
    tail = text[-window:]
    last = None
    for match in _PHRASE.finditer(tail):
        last = match
    if last is None:
        return None
    line = tail[last.end() :].strip().split("\n", 1)[0].strip().rstrip(".").strip("*` ")
    return line or None


def last_number(text: str, window: int = 2000) -> str | None:
    """The last number in the last `window` characters, or None."""
    found = _NUMBER.findall(text[-window:])
    return found[-1].rstrip(",") if found else None


def last_line(text: str, window: int = 2000) -> str | None:
    """The last line that is not blank, or None."""
    lines = [line.strip() for line in text[-window:].splitlines() if line.strip()]
    return lines[-1] if lines else None


FALLBACKS = {"phrase": after_phrase, "number": last_number, "line": last_line}


def extract(text: str, fallbacks: tuple[str, ...] = ()) -> str | None:
    """The last balanced box, else the first fallback that finds anything, else None."""
    answer = last_boxed(text)
    for name in fallbacks:
        if answer:
            break
        answer = FALLBACKS[name](text)
    return answer or None
