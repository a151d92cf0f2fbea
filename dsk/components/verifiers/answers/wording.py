"""What people write in words, or type as they would on a keyboard, in the LaTeX that prints it."""

from __future__ import annotations

import re
from collections.abc import Callable

_TEXT = r"\\(?:text|textrm|mathrm|mbox|textbf|operatorname)\s*\{\s*"
_LETTERS = r"(?<![\\A-Za-z])"


def _worded(words: str) -> str:
    r"""A pattern for words, in `\text{}` or bare."""
    return rf"(?:{_TEXT}(?:{words})\s*\}}|{_LETTERS}(?:{words})(?![A-Za-z]))"


_SETS = {"real": "R", "integer": "Z", "rational": "Q", "natural": "N", "complex": "C"}
_CURRENCIES = {"\\$": "dollars", "€": "euros", "£": "pounds", "\\pounds": "pounds", "\\euro": "euros"}
_HALVES = {
    "½": "12", "⅓": "13", "⅔": "23", "¼": "14", "¾": "34", "⅕": "15", "⅖": "25", "⅗": "35", "⅘": "45", "⅙": "16",
    "⅚": "56", "⅛": "18", "⅜": "38", "⅝": "58", "⅞": "78",
}  # fmt: skip


def _set(match: re.Match[str]) -> str:
    return f"\\mathbb{{{_SETS[(match[1] or match[2]).lower()]}}}"


def _price(match: re.Match[str]) -> str:
    currency = _CURRENCIES[match[2] or match[4]]
    return f"{match[1] or ''}{match[3] or match[5]} \\text{{ {currency}}}"


_SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}


def _scaled(match: re.Match[str]) -> str:
    unit = f"\\text{{ {match[2]}}}" if match[2] else ""
    return f"\\cdot 10^{{{_SCALES[(match[1] or match[3]).lower()]}}}{unit}"


_MARK = r"(\\\$|€|£|\\pounds|\\euro)"
_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (rf"{_TEXT}(?:the )?(?:final )?answer(?: is)?\s*:?\s*\}}", ""),
    (r"^\s*([-+]?\d{1,40}(?:\.\d{0,40})?)e([-+]?\d{1,3})\s*$", r"\1 \\cdot 10^{\2}"),
    (rf"(?<=\d)\s*(?:{_TEXT}({'|'.join(_SCALES)})( [a-z]+)?\s*\}}|({'|'.join(_SCALES)})(?![A-Za-z]))", _scaled),
    (rf"{_TEXT}([€£])\s*\}}", r"\1"),
    (rf"^\s*([-+]?)\s*{_MARK}\s*\{{?((?:(?!\\text)[^€£$])+?)\}}?\s*$|^\s*\$?{_MARK}\$?\s*([\d.,]+)\s*$", _price),
    (r"^(\s*[-+]?[\d.,]+)\s*(?:\\\$|\$(?!\$))\s*$", r"\1 \\text{ dollars}"),
    (r"^(\s*[-+]?[\d.,]+)\s*€\s*$", r"\1 \\text{ euros}"),
    (_worded(r"per ?cent(?:age)?(?: points?)?|pct"), r"\\%"),
    (_worded(r"(?:about|approximately|approx\.?|roughly|around)"), r"\\approx "),
    (_worded(r"(?:(?:diverges|tends|goes) to )?(?:positive |plus )?infinity"), r"\\infty "),
    (rf"{_TEXT}(?:diverges|tends|goes) to\s*\}}\s*(?=[-+]?\\infty)", ""),
    (rf"{_TEXT}(?:all )?(?:(real|integer|rational|natural|complex)(?: number)?)s?\s*\}}"
     rf"|^\s*all (real|integer|rational|natural|complex)(?: number)?s?\s*$", _set),
    (rf"(?<=\d)\s*{_TEXT}to\s*\}}\s*(?=\d)|(?<=\d) to (?=\d)", ":"),
    (r"\{([^{}]{1,60})\\choose(?![A-Za-z])([^{}]{1,60})\}", r"\\binom{\1}{\2}"),
    (r"<=", r"\\le "), (r">=", r"\\ge "), (r" != ", r" \\ne "),
    (r"\*\*\s*\(([^()]{1,60})\)", r"^{\1}"), (r"\*\*\s*(-?\w+)", r"^{\1}"),
    (rf"{_LETTERS}(pi(?=[\s(^*/+\d)-]|$)|(?:sqrt|sin|cos|tan|ln|log|exp)(?=[\s(^]))", r"\\\1 "),
    (r"√\s*(\d+)", r"\\sqrt{\1}"), (r"√", r"\\sqrt "),
    (f"([{''.join(_HALVES)}])", lambda match: f"\\frac{{{_HALVES[match[1]][0]}}}{{{_HALVES[match[1]][1]}}}"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), new) for pattern, new in _RULES)
_TELLING = re.compile(
    rf"answer|illion|thousand|\de[-+\d]|per ?cent|pct|about|approx|roughly|around|infinity"
    rf"|real|integer|rational|natural|complex"
    rf"|\bto\b|choose|<=|>=|!=|\*\*|sqrt|{_LETTERS}(?:pi|sin|cos|tan|ln|log|exp)|[€£√{''.join(_HALVES)}]"
    rf"|\\\$|\\pounds|\\euro|\d\s*\$\s*$",
    re.IGNORECASE,
)
"""Most answers hold nothing of this kind and pay for one search only."""


def in_latex(text: str) -> str:
    """`text` with words and keyboard spellings as LaTeX; what holds none is returned as it is."""
    if _TELLING.search(text):
        for pattern, new in _COMPILED:
            text = pattern.sub(new, text)
    return text
