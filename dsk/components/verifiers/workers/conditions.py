r"""Conditions on one variable as the sets they describe: `x<-1 \text{ or } x>1`, `|x|<2`, `(1,2)`. In workers only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dsk.components.verifiers.answers.normal import form
from dsk.components.verifiers.answers.structure import relation, split
from dsk.components.verifiers.answers.wording import in_latex

Parse = Callable[[str], Any]
_ORDER = frozenset(("<", ">", "\\le", "\\ge", "\\ne"))
_TEXT = r",?\s*(?:\\(?:text|textrm|mathrm|mbox)\s*\{\s*,?\s*"
_OR = re.compile(_TEXT + r"or\s*\}|(?<![\\A-Za-z])or(?![A-Za-z])|\\lor|\\vee)")
_AND = re.compile(_TEXT + r"and\s*\}|(?<![\\A-Za-z])and(?![A-Za-z])|\\land|\\wedge)")
_CONDITION = re.compile(_OR.pattern + r"|[<>≤≥≠]|\\(?:l|g|ne)")
_MOST = 6
UNSETTLED = (NotImplementedError, TypeError, ValueError, AttributeError)
"""What sympy raises, according to the kind, for sets that it cannot make or compare."""


def same_solutions(answer: str, gold: str, parse: Parse) -> bool:
    """Whether two texts, of which at least one is an inequality or several, describe one set of real numbers."""
    if not any(_CONDITION.search(text) for text in (answer, gold)):
        return False
    names: set[str] = set()
    left, right = (_solutions(in_latex(text), parse, names) for text in (answer, gold))
    if left is None or right is None or len(names) > 1:
        return False
    try:
        return left == right or bool(left.symmetric_difference(right).is_empty)
    except UNSETTLED:
        return False


def _solutions(text: str, parse: Parse, names: set[str]) -> Any:
    """The set of the numbers that one text allows, or None; `names` gains the variables that it speaks of."""
    from sympy import Union

    pieces = _OR.split(text)
    if len(pieces) > _MOST:
        return None
    found = [_all_of(piece, parse, names) for piece in pieces]
    return None if any(one is None for one in found) else Union(*found)


def _all_of(text: str, parse: Parse, names: set[str]) -> Any:
    from sympy import Intersection

    pieces = [piece for part in _AND.split(text) for piece in _conditions(form(part).core)]
    if len(pieces) > _MOST:
        return None
    found = [_one(piece, parse, names) for piece in pieces]
    return None if any(one is None for one in found) else Intersection(*found)


def _conditions(core: str) -> list[str]:
    """The conditions between commas; an interval is one piece."""
    pieces = split(core)
    return pieces if all(_ORDER & set(relation(piece)[0]) for piece in pieces) else [core]


def _one(core: str, parse: Parse, names: set[str]) -> Any:
    from sympy import And, FiniteSet, Set
    from sympy.core.relational import Relational

    parsed = parse(core)
    if isinstance(parsed, Set) and not isinstance(parsed, FiniteSet):
        return parsed if not parsed.free_symbols else None
    if not isinstance(parsed, Relational | And) or len(parsed.free_symbols) != 1:
        return None
    names.add(str(next(iter(parsed.free_symbols))))
    try:
        return parsed.as_set()
    except UNSETTLED:
        return None
