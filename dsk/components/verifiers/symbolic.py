"""Equivalence by computer algebra (math-verify, sympy). Only ever called in a worker: it can hang or eat all memory."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

from dsk.components.verifiers.exact import bracketed, decide, split
from dsk.components.verifiers.normal import Form, form
from dsk.components.verifiers.relations import compare_relations


def warm_up() -> None:
    """Import sympy and its parsers once, so that forked workers have them, and silence their advice."""
    logging.disable(logging.CRITICAL)
    assert _parse("\\frac{x^2}{2}+\\sin(1)", True) is not None
    compare("x+1", "1+x", 6)


_LOSSY = re.compile(r"'|\\(?:gcd|lcm|dots|ldots|Re|Im|partial|phantom)(?![A-Za-z])")
_LETTER = re.compile(r"\\[A-Za-z]+|([A-Za-z])|(\d+)")
_GAMMA = re.compile(r"\\([gG])amma(?!\()")


@lru_cache(maxsize=4096)
def _parse(core: str, real: bool) -> Any:
    """The sympy object for a whole normal form, or None.

    Unlike `math_verify.parse` it never settles for a part of the text, and refuses what the parser reads carelessly.
    """
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy

    if not core or _LOSSY.search(core):
        return None
    try:
        parsed = latex2sympy(
            # The parser takes `\\gamma+1` for the gamma function of +1.
            _GAMMA.sub(r"\1_{9999}", core),
            is_real=real,
            normalization_config=None,
            conversion_config=ConversionConfig(lowercase_symbols=False),
        )
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a parser of hostile text raises anything; all of it means "not parsable"
        return None
    return parsed if _faithful(core, parsed) else None


def _faithful(core: str, parsed: Any) -> bool:
    """Whether every letter and number of the text is still there: the parser drops some without a word."""
    shown = str(parsed)
    if "zoo" in shown or "nan" in shown:
        return False
    pieces = [match[1] or match[2].lstrip("0") for match in _LETTER.finditer(core) if match[1] or match[2]]
    return all(piece in shown or piece in "ei" for piece in pieces if piece)


def _is_complex(core: str) -> bool:
    """Whether a letter `i` in the text is likely the imaginary unit (and not an index)."""
    from math_verify.grader import should_treat_as_complex

    bare = any(match[1] == "i" for match in _LETTER.finditer(core)) and not re.search(r"_\{?i|_\{[^{}]*i|\\sum|\\prod", core)
    return bare or bool(should_treat_as_complex(core))


def compare(answer: str, gold: str, decimals: int) -> str:
    """`equal`, `different` or `unparsable` for two spellings."""
    return _compare(form(answer), form(gold), decimals)


def _compare(answer: Form, gold: Form, decimals: int) -> str:
    exact = decide(answer, gold, decimals)
    if exact is not None:
        return "equal" if exact else "different"
    left, right = _whole(answer, gold), _whole(gold, answer)
    listed = _compare_lists(left, right, decimals)
    if listed is not None:
        return listed
    real = not (_is_complex(left) or _is_complex(right))
    related = compare_relations(left, right, lambda a, g: compare(a, g, decimals), lambda side: _parse(side, real))
    return related or _compare_parsed(left, right, real, decimals)


def _whole(one: Form, other: Form) -> str:
    """The text to parse: an assignment is spelt out only where the other side is an equation too."""
    return f"{one.name}={one.core}" if one.name and (other.name or "=" in other.core) else one.core


def _compare_parsed(answer: str, gold: str, real: bool, decimals: int) -> str:
    from math_verify.grader import verify

    left, right = _parse(answer, real), _parse(gold, real)
    if left is None or right is None:
        return "unparsable"
    equal = verify(
        right, left, float_rounding=decimals, strict=True, allow_set_relation_comp=True, timeout_seconds=None
    )
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
