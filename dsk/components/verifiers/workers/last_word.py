"""math-verify itself, asked before an answer is refused, and believed only where it has been seen to be right.

It reads more notations than we do, and drops what it cannot read: words, primes, dots, differentials, the case of
letters. So its yes counts only where nothing that it drops is in either text, both sides name the same things, both
are lists of as many elements, and no value contradicts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dsk.components.verifiers.answers.normal import Form, form
from dsk.components.verifiers.answers.structure import elements
from dsk.components.verifiers.answers.vocabulary import NOT_UNITS
from dsk.components.verifiers.answers.wording import in_latex

_DROPPED = re.compile(
    r"'|\\(?:l?dots|cdots|vdots|Re|Im|partial|phantom|prime|Pi|to|mapsto|perp|parallel|cong|equiv|sim|not|notin|nmid|gcd|lcm)"
    r"(?![A-Za-z])|\\begin\{cases\}|\\frac\{d|\\d?frac\s*d|\{,\}\s*\}|:.*:"
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end|mathbb|mathcal|mathfrak)\s*\{[^{}]*\}")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{3,}")
_LETTER = re.compile(r"[A-Za-z]")
_LOG = re.compile(r"\\log(?![A-Za-z])(?!\s*_)")
_LONGEST = 400

Differ = Callable[[Any, Any, int], bool]


def agrees(answer: str, gold: str, decimals: int, differ: Differ) -> bool:
    """Whether math-verify finds two spellings equal and can be believed. `differ` tells values of expressions apart."""
    if max(len(answer), len(gold)) > _LONGEST or not _comparable(answer, gold):
        return False
    from math_verify.grader import is_relation, verify

    left, right = _parsed(answer), _parsed(gold)
    if left is None or right is None or (is_relation(left) and is_relation(right)):
        return False  # it takes f(\\infty)=7 for f(\\infty)=0; relations are compared without it
    if one_is_an_equation(left, right) or _names_differ(left, right) or differ(left, right, decimals):
        return False
    return verify(right, left, float_rounding=decimals, strict=True, allow_set_relation_comp=True, timeout_seconds=None)


def _comparable(answer: str, gold: str) -> bool:
    """Whether neither text holds what math-verify drops, and both are lists of as many elements, or neither is one."""
    texts = [in_latex(text) for text in (answer, gold)]
    if any(_DROPPED.search(text) for text in texts):
        return False
    plain = [_COMMAND.sub(" ", _ENVIRONMENT.sub(" ", text)) for text in texts]
    words = [{word.casefold() for word in _WORD.findall(text)} for text in plain]
    if words[0] ^ words[1] or NOT_UNITS & words[0]:
        return False
    letters = [set(_LETTER.findall(text)) for text in plain]
    if letters[0] != letters[1] and {c.lower() for c in letters[0]} == {c.lower() for c in letters[1]}:
        return False
    return _same_shape(form(answer), form(gold))


def _same_shape(answer: Form, gold: Form) -> bool:
    if "\\pm" in answer.core + gold.core:
        return True
    left, right = elements(answer.core), elements(gold.core)
    if left is None or right is None:
        return left is right is None or "\\cup" in answer.core + gold.core or _is_relation(answer, gold)
    if left[0] != right[0] and (left[0] == "" or right[0] == ""):
        return False
    return len(left[1]) == len(right[1])


def _is_relation(answer: Form, gold: Form) -> bool:
    """Whether one is an inequality, which an interval may say."""
    return any(sign in form.core for form in (answer, gold) for sign in ("<", ">", "\\le", "\\ge", "\\ne"))


def _parsed(text: str) -> Any:
    """What math-verify makes of the whole of an answer, or None."""
    from math_verify.parser import LatexExtractionConfig, parse

    line = _LOG.sub(r"\\ln ", " ".join(in_latex(text).replace("\\$", "").replace("$", "").split()))
    # It stands between dollars, so the parser cannot settle for a part of it.
    found = parse(f"${line}$", [LatexExtractionConfig()], parsing_timeout=None) if line else []  # pyright: ignore[reportArgumentType]
    return found[0] if found and not isinstance(found[0], str) else None


def one_is_an_equation(left: Any, right: Any) -> bool:
    """Whether one is an equation such as `x+y=3` and the other a value, which math-verify takes for its right side."""
    from sympy import Eq
    from sympy.core.relational import Relational

    pairs = ((left, right), (right, left))
    return any(
        isinstance(one, Eq) and not one.lhs.is_Symbol and not isinstance(other, Relational) for one, other in pairs
    )


def _names_differ(left: Any, right: Any) -> bool:
    """Whether they speak of different letters, beside assigned names and the letter of an interval's condition."""
    from math_verify.grader import is_assignment_relation, is_relation, take_last_relation
    from sympy import Set

    letters = [_letters(side) for side in (left, right)]
    if (isinstance(left, Set) and is_relation(right)) or (isinstance(right, Set) and is_relation(left)):
        return len(letters[0] | letters[1]) != 1
    assigned = [is_assignment_relation(side) for side in (left, right)]
    if assigned[0] != assigned[1]:
        equation: Any = left if assigned[0] else right
        letters[assigned[1]] = _letters(take_last_relation(equation).rhs)
    return letters[0] != letters[1]


def _letters(side: Any) -> set[str]:
    return {str(symbol) for symbol in getattr(side, "free_symbols", ())}
