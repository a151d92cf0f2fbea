"""Answers that look like numbers and are not: ratios, numerals in another base, times of day."""

from __future__ import annotations

import re
from fractions import Fraction

from dsk.components.verifiers.answers.normal import Form

_RATIO = re.compile(r"\d{1,40}(?:\.\d{1,40})?(?::\d{1,40}(?:\.\d{1,40})?){1,8}")
_CLOCK = re.compile(r"\d{1,2}:[0-5]\d(?::[0-5]\d)?")
_NUMERAL = re.compile(r"\(?([0-9A-F]{1,60})\)?_(?:\{(?:\\text\{)?(\d{1,2})\}?\}|(\d))")
_DIGITS = re.compile(r"[0-9A-F]{1,60}")


def same_notation(answer: Form, gold: Form) -> bool | None:
    """Whether two ratios or numerals agree; None where the reference is neither (or the answer has no such form)."""
    for compare in (_same_numeral, _same_clock, _same_ratio):
        found = compare(answer.core, gold.core)
        if found is not None:
            return found
    return None


def _same_clock(answer: str, gold: str) -> bool | None:
    """`3:30` is a time and no ratio where it could be one: `3:00` and `1:0` differ, and so do `1:20` and `2:40`."""
    return answer == gold if _CLOCK.fullmatch(answer) and _CLOCK.fullmatch(gold) else None


def _same_ratio(answer: str, gold: str) -> bool | None:
    """Proportional terms; a ratio of two also stands for its quotient."""
    left, right = (_terms(core) for core in (answer, gold))
    if left is None or right is None:
        return None
    if len(left) == len(right):
        return all(a * right[0] == g * left[0] for a, g in zip(left, right, strict=True))
    return False if min(len(left), len(right)) > 1 else None


def _terms(core: str) -> list[Fraction] | None:
    if not _RATIO.fullmatch(core):
        return None
    terms = [Fraction(term) for term in core.split(":")]
    return terms if all(terms) else None


def quotient(core: str) -> str:
    r"""A ratio of two whole numbers as the fraction it stands for; anything else as it is."""
    if _RATIO.fullmatch(core) and core.count(":") == 1:
        above, below = core.split(":")
        return f"\\frac{{{above}}}{{{below}}}" if below.strip("0.") and "." not in core else core
    return core


def _same_numeral(answer: str, gold: str) -> bool | None:
    """Numerals of named bases by their values; where one names none, by their digits."""
    left, right = _NUMERAL.fullmatch(answer), _NUMERAL.fullmatch(gold)
    if left and right:
        values = _value(left), _value(right)
        return None if None in values else values[0] == values[1]
    if not left and not right:
        return None
    plain, numeral = (answer, right) if right else (gold, left)
    assert numeral is not None
    if _value(numeral) is None or not _DIGITS.fullmatch(plain):
        return None
    return plain.lstrip("0") == numeral[1].lstrip("0")


def _value(numeral: re.Match[str]) -> int | None:
    """A numeral's value; None where a digit is not one of its base (`A_2` is a name with an index)."""
    base = int(numeral[2] or numeral[3])
    if not 2 <= base <= 36 or not any(char.isdigit() for char in numeral[1]):
        return None
    digits = [int(char, 16) for char in numeral[1]]
    return int(numeral[1], base) if max(digits) < base else None
