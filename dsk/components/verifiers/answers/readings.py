r"""Answers that are stated more than once: `x = 5+5+1 = 11` and `\sqrt{2} \approx 1.414`."""

from __future__ import annotations

import re
from dataclasses import replace

from dsk.components.verifiers.answers.estimate import estimate
from dsk.components.verifiers.answers.normal import NAME, Form
from dsk.components.verifiers.answers.structure import relation, split

_NEARLY = frozenset(("\\approx", "\\sim", "\\simeq", "\\doteq"))
_MOST_SIDES = 12
_DECIMAL = re.compile(r"-?\d*\.?\d*")
_LETTER = re.compile(r"\\[A-Za-z]+|[A-Za-z]")


def paired(answer: Form, gold: Form) -> list[tuple[Form, Form]]:
    """What an answer states beside what the reference states.

    Two chains with letters in them, such as `x_0 = x_1 = 0`, are compared as they stand.
    """
    if all(_is_system(form) for form in (answer, gold)):
        return [(answer, gold)]
    return [(a, g) for a in readings(answer) for g in readings(gold)]


def _is_system(form: Form) -> bool:
    operators, sides = relation(form.core) if "=" in form.core else ([], [])
    named = NAME.fullmatch(sides[0]) is not None if len(operators) > 1 else False
    return bool(operators) and any(_lettered(side) for side in sides[named:-1])


def readings(form: Form) -> list[Form]:
    """What an answer states, each by itself; only the answer where it states one thing.

    A chain of equations states its last side, an approximation both of its sides, or the left one
    where the right one is not its rounding.
    """
    if "=" not in form.core and not any(sign in form.core for sign in _NEARLY):
        return [form]
    operators, sides = relation(form.core)
    if "\\begin" in form.core or not operators or len(operators) > _MOST_SIDES or len(split(form.core)) > 1:
        return [form]
    if set(operators) <= _NEARLY or (set(operators) <= _NEARLY | {"="} and operators[-1] in _NEARLY):
        return _approximate(form, operators, sides)
    if set(operators) == {"="} and (len(operators) > 1 or form.name):
        return _chained(form, sides)
    return [form]


def _approximate(form: Form, operators: list[str], sides: list[str]) -> list[Form]:
    """Both sides of the last approximate equality, of which one may be a name or nothing."""
    left, right = sides[-2], sides[-1]
    if len(left) > 1 and operators[-1] == "\\sim":
        return [form]  # similar triangles, or a distribution
    name = left if len(sides) == 2 and NAME.fullmatch(left) else form.name
    if not left or name == left:
        return [replace(form, core=right, name=name)]
    stated = [left, right] if _rounds(left, right) else [left]
    return [replace(form, core=side, name=name) for side in stated]


def _chained(form: Form, sides: list[str]) -> list[Form]:
    name = sides[0] if not form.name and NAME.fullmatch(sides[0]) else form.name
    if not sides[-1]:
        return [form]
    return [replace(form, core=sides[-1], name=name)]


def _rounds(exact: str, rounded: str) -> bool:
    """Whether a number may be `exact` rounded or cut to its places; what has letters may be anything.

    Without it, `41 \\approx 42` would be two guesses.
    """
    value, near = estimate(exact), estimate(rounded)
    if value is None or near is None or _lettered(exact):
        return True
    places = len(rounded.partition(".")[2]) if _DECIMAL.fullmatch(rounded) else 9
    return abs(value.value - near.value) < (1 - 1e-9) * 10.0**-places


def _lettered(side: str) -> bool:
    return any(not match[0].startswith("\\") for match in _LETTER.finditer(side))
