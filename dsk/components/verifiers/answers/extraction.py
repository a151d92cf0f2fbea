"""Where a response states its answer. Everything here is linear in the text: responses are hostile input."""

from __future__ import annotations

import re

from dsk.core.boxes import last_boxed

_PHRASE = re.compile(r"(?:final answer|answer)(?: is)?\s{0,4}[:=]?", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?|-?\.\d+")


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


_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_MOST_WORDS = 6
_SOLUTION = re.compile(r"\\boxed|\\fbox|####|\banswer\b", re.IGNORECASE)
_ESCAPED = re.compile(r"\\.", re.DOTALL)


def is_bare_answer(reference: str, longest: int) -> bool:
    r"""Whether a reference can be what a box holds: not longer than `longest`, balanced braces, no solution around it.

    A solution shows by more than six words, or by a mark before its answer (`####`, `\boxed`, "answer").
    """
    if len(reference) > longest or _SOLUTION.search(reference) or len(_WORD.findall(reference)) > _MOST_WORDS:
        return False
    plain = _ESCAPED.sub("", reference)
    return plain.count("{") == plain.count("}")
