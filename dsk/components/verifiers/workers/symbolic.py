"""Equivalence by computer algebra (math-verify, sympy). Only ever called in a worker: it can hang or eat all memory."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

from dsk.components.verifiers.answers.estimate import estimate, value_of
from dsk.components.verifiers.answers.exact import as_relations, decide
from dsk.components.verifiers.answers.normal import Form, form
from dsk.components.verifiers.answers.notations import quotient
from dsk.components.verifiers.answers.readings import paired
from dsk.components.verifiers.answers.structure import elements, in_one_order, is_unordered
from dsk.components.verifiers.workers.conditions import same_solutions
from dsk.components.verifiers.workers.last_word import agrees, one_is_an_equation
from dsk.components.verifiers.workers.relations import compare_relations
from dsk.core.workers.worker import Answer


def prepare() -> Answer:
    """What a worker of `math` does."""
    warm_up()
    return answer


def warm_up() -> None:
    """Import sympy and its parsers once, so that forked workers have them, and silence their advice."""
    logging.disable(logging.CRITICAL)
    assert _parse("\\frac{x^2}{2}+\\sin(1)", True) is not None
    for answer, gold in _WARM_UP:
        assert compare(answer, gold, 6) == "equal", answer


_WARM_UP = (
    ("x+1", "1+x"),
    ("x>3", "(3,\\infty)"),
    ("\\sin^2x+\\cos^2x", "1"),
    ("\\sum_{k=1}^n k", "\\frac{n(n+1)}{2}"),
    ("2x+4y=8", "2y+x=4"),
    ("\\{a,2b\\}", "\\{b+b,a\\}"),
    ("\\begin{bmatrix}1&x\\end{bmatrix}", "\\begin{pmatrix}1&x+0\\end{pmatrix}"),
)
"""One of each kind, so that what sympy imports late is there before the first fork."""
_NAMED_GROUP = re.compile(r"\\(?:begin|end|mathbb|mathcal|mathfrak)\{[^{}]*\}")
_BUILT = re.compile(r"\\\{[A-Za-z](?:\\in\\mathbb\{R\})?[|:](.+)\\\}")
_LOSSY = re.compile(r"'|\\(?:gcd|lcm|dots|ldots|Re|Im|partial|phantom|triangle|angle)(?![A-Za-z])")
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
    if not _faithful(core, parsed) and not _of_the_same_value(core, parsed):
        return None
    return parsed if real else _with_imaginary_unit(parsed)


def _with_imaginary_unit(parsed: Any) -> Any:
    """The same with the letter i as the imaginary unit."""
    from sympy import I

    units = {symbol: I for symbol in getattr(parsed, "free_symbols", ()) if symbol.name == "i"}
    return parsed.subs(units) if units else parsed


def _faithful(core: str, parsed: Any) -> bool:
    """Whether every letter and number of the text is still there: the parser drops some without a word."""
    shown = str(parsed)
    if "zoo" in shown or "nan" in shown:
        return False
    letters = _LETTER.finditer(_NAMED_GROUP.sub("", core))
    pieces = [match[1] or match[2].lstrip("0") for match in letters if match[1] or match[2]]
    unseen = "eid" if "\\int" in core else "ei"
    return all(piece in shown or piece in unseen for piece in pieces if piece)


def _of_the_same_value(core: str, parsed: Any) -> bool:
    """Whether our own reading has the same value at a point: what the parser evaluates hides the text's numbers."""
    from sympy import Expr, Float

    expected = estimate(core)
    if expected is None or not isinstance(parsed, Expr):
        return False
    point: Any = {symbol: Float(value_of(str(symbol))) for symbol in parsed.free_symbols}
    found = parsed.subs(point).evalf(15)
    if not found.is_number or not found.is_finite:
        return False
    return abs(complex(found) - expected.value) <= 1e-9 * max(1.0, abs(expected.value))


def _is_complex(core: str) -> bool:
    """Whether a letter `i` in the text is likely the imaginary unit (and not an index)."""
    from math_verify.grader import should_treat_as_complex

    bare = any(match[1] == "i" for match in _LETTER.finditer(core)) and not re.search(
        r"_\{?i|_\{[^{}]*i|\\sum|\\prod", core
    )
    return bare or bool(should_treat_as_complex(core))


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """A worker's reply to `{"answer", "gold", "decimals"}`: the reason, whatever sympy does."""
    try:
        return {"reason": judge(task["answer"], task["gold"], task["decimals"])}
    except MemoryError:
        return {"reason": "memory", "last": True}
    except RecursionError:
        return {"reason": "unparsable", "last": True}
    except Exception as error:  # noqa: BLE001 - sympy raises anything on hostile input; the verdict says so
        return {"reason": "unparsable", "detail": type(error).__name__}


def judge(answer: str, gold: str, decimals: int) -> str:
    """`compare`, and before it refuses the last word is math-verify's."""
    reason = compare(answer, gold, decimals)
    if reason == "equal" or decide(form(answer), form(gold), decimals) is not None:
        return reason
    if same_solutions(answer, gold, lambda core: _parse(core, True)):
        return "equal"
    return "equal" if agrees(answer, gold, decimals, _values_differ) else reason


def compare(answer: str, gold: str, decimals: int) -> str:
    """`equal`, `different` or `unparsable` for two spellings."""
    left, right = form(answer), form(gold)
    exact = decide(left, right, decimals)
    if exact is not None:
        return "equal" if exact else "different"
    found = [_compare(a, g, decimals) for a, g in paired(left, right)]
    return next((reason for reason in ("equal", "different") if reason in found), "unparsable")


def _compare(answer: Form, gold: Form, decimals: int) -> str:
    named = as_relations(answer, gold)
    left, right = (answer.whole, gold.whole) if named else (_plain(answer.core), _plain(gold.core))
    listed = _compare_lists(left, right, decimals)
    if listed is not None:
        return listed
    real = not (_is_complex(left) or _is_complex(right))
    related = compare_relations(left, right, lambda a, g: compare(a, g, decimals), lambda side: _parse(side, real))
    return related or _compare_parsed(left, right, real, decimals)


def _plain(core: str) -> str:
    r"""The condition of a set `\\{x | ...\\}` of numbers, which sympy turns into the set; a ratio as its quotient."""
    built = _BUILT.fullmatch(core)
    return built[1] if built else quotient(core)


def _compare_parsed(answer: str, gold: str, real: bool, decimals: int) -> str:
    from math_verify.grader import verify

    left, right = _parse(answer, real), _parse(gold, real)
    if left is None or right is None:
        return "unparsable"
    if _values_differ(left, right, decimals) or one_is_an_equation(left, right):
        return "different"
    equal = verify(
        right, left, float_rounding=decimals, strict=True, allow_set_relation_comp=True, timeout_seconds=None
    )
    return "equal" if equal else "different"


def _values_differ(left: Any, right: Any, decimals: int) -> bool:
    """Whether two expressions clearly differ at a point: much cheaper than simplifying their difference.

    Exact numbers are compared by their ratio, since math-verify takes what is small for zero.
    """
    from sympy import Expr, Float

    if not isinstance(left, Expr) or not isinstance(right, Expr):
        return False
    letters = sorted(left.free_symbols | right.free_symbols, key=str)
    rounded = bool(left.atoms(Float) | right.atoms(Float))
    point: Any = {letter: Float(0.4) + Float(index + 1) / 7 for index, letter in enumerate(letters)}
    a, b = (side.subs(point).evalf(15) for side in (left, right))
    if not a.is_number or not b.is_number or not a.is_finite or not b.is_finite:
        return False
    if letters or rounded or a.is_zero or b.is_zero:
        bound = 10.0**-decimals + 1e-6 * max(abs(a), abs(b))
        return (abs(a - b) > bound) == True  # noqa: E712 - sympy's own truth value
    return (abs((left / right).evalf(15) - 1) > 1e-6) == True  # noqa: E712


def _compare_lists(answer: str, gold: str, decimals: int) -> str | None:
    """Element by element where both are lists with the same brackets; None where they are not."""
    left, right = elements(answer), elements(gold)
    if left is None or right is None or len(left[1]) == len(right[1]) == 1:
        return None
    if left[0] != right[0]:
        alike = in_one_order(left[0], right[0]) and len(left[1]) == len(right[1])
        pairs = zip(left[1], right[1], strict=True) if alike else ()
        same = all(compare(a, g, decimals) == "equal" for a, g in pairs)
        return ("equal" if same else "different") if alike else None
    if len(left[1]) != len(right[1]):
        return None if is_unordered(left[0]) else "different"
    if is_unordered(left[0]):
        return _match_unordered(left[1], right[1], decimals)
    return "equal" if all(compare(a, g, decimals) == "equal" for a, g in zip(left[1], right[1], strict=True)) else None


def _match_unordered(answers: list[str], golds: list[str], decimals: int) -> str | None:
    """`equal` if every element of one finds its own partner in the other; None when algebra must decide."""
    left = list(answers)
    for gold in golds:
        partner = next((a for a in left if compare(a, gold, decimals) == "equal"), None)
        if partner is None:
            return None
        left.remove(partner)
    return "equal"
