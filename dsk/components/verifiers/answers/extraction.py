"""Where a response states its answer. Everything here is linear in the text: responses are hostile input."""

from __future__ import annotations

import re

from dsk.core.boxes import balanced_boxes, last_boxed

_PHRASE = re.compile(r"(?:final answer|answer)(?: is)?\s{0,4}[:=]?", re.IGNORECASE)
_FORMULA = re.compile(
    r"\$\$([^$]{1,1000})\$\$|(?<!\\)\$([^$\n]{1,1000})\$|\\\(((?:[^\\]|\\(?!\))){1,1000})\\\)|\\\[((?:[^\\]|\\(?!\])){1,1000})\\\]"
)
_INK = re.compile(r"\$|\\[()\[\],;: ]|\\q?quad(?![A-Za-z])|\\(?:text|mbox|textrm|mathrm) ?\{|\}")
_JOINT = re.compile(
    r"(?:\s+[a-z]+(?=\s+and)|\s+for part \(?[a-z]\)?)?\s*"
    r"(?:[,;]|[,;]?\s*(?:and|or)\b|&)\s*(?:[A-Za-z](?:_\d|_\{\d\})?\s*=\s*)?"
)
_LONGEST_JOINT = 60
_HOPE = re.compile(r"\bI hope\b")
_NUMBER = re.compile(r"-?\\[dt]?frac\{-?\d+\}\{-?\d+\}|(?<![A-Za-z])-?\d[\d,]*(?:\.\d+)?(?:/\d+)?|-?\.\d+")


def after_phrase(text: str, window: int = 2000) -> str | None:
    """What stands after the last "answer is" or "answer:" in the last `window` characters: its formulas, or the line.

    None where the phrase is not there.
    """
    tail = text[-window:]
    last = None
    for match in _PHRASE.finditer(tail):
        last = match
    if last is None:
        return None
    rest = tail[last.end() :].strip()
    if formula := _FORMULA.match(rest):
        return _joined([(m.start(), m.end(), _inside(m)) for m in _FORMULA.finditer(rest, formula.start())], rest, 0)
    return _in_line(_HOPE.split(rest.split("\n", 1)[0], maxsplit=1)[0])


def _in_line(line: str) -> str | None:
    """What a line states: a formula in it, the last number of a sentence, or the line itself."""
    line = line.strip().rstrip(".").strip("*` ")
    formula = last_formula(line)
    if formula or not line:
        return formula
    return (last_number(line) if len(_WORD.findall(line)) > _MOST_WORDS // 2 else None) or line


def last_formula(text: str, window: int = 2000) -> str | None:
    r"""The last formula between dollars, `\(` or `\[` in the last `window` characters, with those it is listed with."""
    tail = text[-window:]
    found = [(m.start(), m.end(), _inside(m)) for m in _FORMULA.finditer(tail)]
    return _joined(found, tail, len(found) - 1) if found else None


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None).strip()


def _joined(found: list[tuple[int, int, str]], text: str, at: int) -> str | None:
    """The piece number `at` with those before and after it that nothing but a comma, "and" or "or" separates."""
    first = last = at
    while first and listed_with(text[found[first - 1][1] : found[first][0]]):
        first -= 1
    while last + 1 < len(found) and listed_with(text[found[last][1] : found[last + 1][0]]):
        last += 1
    pieces = list(dict.fromkeys(piece for *_, piece in found[first : last + 1]))
    return ", ".join(pieces) or None


def listed_with(between: str) -> bool:
    """Whether what stands between two answers makes them one list."""
    return len(between) <= _LONGEST_JOINT and _JOINT.fullmatch(_INK.sub(" ", between)) is not None


def boxed_answer(text: str) -> str | None:
    r"""The last box, with the boxes it is listed with: `1, 2` of `\boxed{1} and \boxed{2}`. None without a box."""
    boxes = balanced_boxes(text)
    if not boxes:
        return None
    first = len(boxes) - 1
    while first and boxes[first - 1].end < boxes[first].macro:
        if not listed_with(text[boxes[first - 1].end + 1 : boxes[first].macro]):
            break
        first -= 1
    return ", ".join(dict.fromkeys(text[box.start : box.end].strip() for box in boxes[first:]))


def last_number(text: str, window: int = 2000) -> str | None:
    """The last number in the last `window` characters, or None."""
    found = _NUMBER.findall(text[-window:])
    return found[-1].rstrip(",") if found else None


def last_line(text: str, window: int = 2000) -> str | None:
    """The last line that is not blank, or None."""
    lines = [line.strip() for line in text[-window:].splitlines() if line.strip()]
    return lines[-1] if lines else None


FALLBACKS = {"phrase": after_phrase, "formula": last_formula, "number": last_number, "line": last_line}


def extract(text: str, fallbacks: tuple[str, ...] = ()) -> str | None:
    """The last balanced box, else the first fallback that finds anything, else None."""
    return last_boxed(text) or fallen_back(text, fallbacks)


def stated(text: str, fallbacks: tuple[str, ...] = ()) -> str | None:
    """Like `extract`, but boxes that are listed together are one answer."""
    return boxed_answer(text) or fallen_back(text, fallbacks)


def fallen_back(text: str, fallbacks: tuple[str, ...]) -> str | None:
    """What the first fallback that finds anything found, or None."""
    return next((answer for name in fallbacks if (answer := FALLBACKS[name](text))), None)


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
