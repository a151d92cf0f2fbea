"""Equivalence by computer algebra (math-verify, sympy). Only ever called in a worker: it can hang or eat all memory."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from dsk.components.verifiers.exact import bracketed, decide, split
from dsk.components.verifiers.normal import Form, form


def warm_up() -> None:
    """Import sympy and its parsers once, so that forked workers have them, and silence their advice."""
    logging.disable(logging.CRITICAL)
    assert _parse("\\frac{x^2}{2}+\\sin(1)", True) is not None
    compare("x+1", "1+x", 6)


@lru_cache(maxsize=4096)
def _parse(core: str, real: bool) -> Any:
    """The sympy object for a whole answer, or None. Unlike `math_verify.parse` it never settles for a part of the text."""
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy

    if not core:
        return None
    try:
        return latex2sympy(
            core, is_real=real, normalization_config=None, conversion_config=ConversionConfig(lowercase_symbols=False)
        )
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001 - a parser of hostile text raises anything; all of it means "not parsable"
        return None


def compare(answer: str, gold: str, decimals: int) -> str:
    """`equal`, `different` or `unparsable` for two spellings."""
    return _compare(form(answer), form(gold), decimals)


def _compare(answer: Form, gold: Form, decimals: int) -> str:
    exact = decide(answer, gold, decimals)
    if exact is not None:
        return "equal" if exact else "different"
    listed = _compare_lists(answer.core, gold.core, decimals)
    if listed is not None:
        return listed
    return _compare_parsed(_whole(answer, gold), _whole(gold, answer), decimals)


def _whole(one: Form, other: Form) -> str:
    """The text to parse: an assignment is spelt out only where both sides have one."""
    return f"{one.name}={one.core}" if one.name and other.name else one.core


def _compare_parsed(answer: str, gold: str, decimals: int) -> str:
    from math_verify.grader import should_treat_as_complex, verify

    real = not (should_treat_as_complex(answer) or should_treat_as_complex(gold))
    left, right = _parse(answer, real), _parse(gold, real)
    if left is None or right is None:
        return "unparsable"
    equal = verify(right, left, float_rounding=decimals, strict=True, timeout_seconds=None)
    return "equal" if equal else "different"


def _compare_lists(answer: str, gold: str, decimals: int) -> str | None:
    """Element by element where both are lists with the same brackets; None where they are not."""
    left, right = _elements(answer), _elements(gold)
    if left is None or right is None or left[0] != right[0]:
        return None
    if len(left[1]) != len(right[1]):
        return None if left[0] in ("", "\\{\\}") else "different"
    if left[0] in ("", "\\{\\}"):
        return _match_unordered(left[1], right[1], decimals)
    return "equal" if all(compare(a, g, decimals) == "equal" for a, g in zip(left[1], right[1], strict=True)) else None


def _elements(core: str) -> tuple[str, list[str]] | None:
    found = bracketed(core)
    if found:
        return (found[0] + found[1], found[2]) if len(found[2]) > 1 else None
    pieces = split(core)
    return ("", pieces) if len(pieces) > 1 else None


def _match_unordered(answers: list[str], golds: list[str], decimals: int) -> str | None:
    """`equal` if every element of one finds its own partner in the other; None when algebra on the whole must decide."""
    left = list(answers)
    for gold in golds:
        partner = next((a for a in left if compare(a, gold, decimals) == "equal"), None)
        if partner is None:
            return None
        left.remove(partner)
    return "equal"
