"""Equations and inequalities: the same up to order of sides and a constant factor. Runs in workers only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsk.components.verifiers.answers.structure import FLIPPED, elements, relation

Compare = Callable[[str, str], str]
Parse = Callable[[str], Any]


def compare_relations(answer: str, gold: str, compare: Compare, parse: Parse) -> str | None:
    """`equal` or `different` where at least one is a relation that can be compared as such; None otherwise."""
    operators, sides = relation(answer)
    wanted, wanted_sides = relation(gold)
    if not wanted and set(operators) == {"="} and not _listed(answer):
        return compare(sides[-1], gold)
    if not operators or not wanted or _listed(answer) or _listed(gold):
        return None
    if _same_sides(operators, sides, wanted, wanted_sides, compare):
        return "equal"
    if len(operators) == len(wanted) == 1:
        return "equal" if _proportional(operators[0], sides, wanted[0], wanted_sides, parse) else "different"
    return "different"


def _listed(core: str) -> bool:
    return elements(core) is not None


def _same_sides(ops: list[str], sides: list[str], wanted: list[str], wanted_sides: list[str], compare: Compare) -> bool:
    """The same sides in the same order, or in the opposite order with every operator flipped."""

    def agree(left: list[str]) -> bool:
        return all(compare(a, g) == "equal" for a, g in zip(left, wanted_sides, strict=True))

    if ops == wanted and agree(sides):
        return True
    flipped = [FLIPPED.get(op) for op in reversed(ops)]
    return flipped == wanted and agree(sides[::-1])


def _proportional(op: str, sides: list[str], wanted: str, wanted_sides: list[str], parse: Parse) -> bool:
    """Whether (left - right) of one is a constant times that of the other, of the sign that the operators ask for."""
    from sympy import Expr, simplify

    parsed = [parse(side) for side in (*sides, *wanted_sides)]
    if not all(isinstance(side, Expr) for side in parsed) or op not in FLIPPED:
        return False
    difference, reference = simplify(parsed[0] - parsed[1]), simplify(parsed[2] - parsed[3])
    if difference.is_zero or reference.is_zero or not difference.free_symbols:
        return False
    ratio = simplify(difference / reference)
    if not ratio.is_number or not ratio.is_real or ratio.is_zero:
        return False
    return wanted == (op if ratio.is_positive else FLIPPED[op])
