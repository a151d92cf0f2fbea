r"""What can be decided without a computer algebra system, exactly and in linear time.

Most answers are whole numbers, fractions, decimals, words, choices or lists of these: for them this module gives the
final word, and no worker is ever started.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from dsk.components.verifiers.answers.estimate import estimate, ratio, surely_differ
from dsk.components.verifiers.answers.normal import Form, form
from dsk.components.verifiers.answers.notations import quotient, same_notation
from dsk.components.verifiers.answers.readings import paired
from dsk.components.verifiers.answers.structure import (
    FLIPPED,
    bracketed,
    elements,
    in_one_order,
    is_unordered,
    relation,
)
from dsk.components.verifiers.answers.units import units_agree
from dsk.components.verifiers.answers.vocabulary import FUNCTION_NAME, NOT_UNITS

MAX_DIGITS = 400
MAX_ELEMENTS = 20
_INTEGER = r"[+-]?\d{1,400}"
_DECIMAL = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:,|\{,\})\d{3}){1,60}(?:\.\d{0,60})?")
_FRACTION = re.compile(rf"([+-]?)\\frac\{{({_INTEGER})\}}\{{({_INTEGER})\}}|({_INTEGER})/({_INTEGER})")
_MIXED = re.compile(r"(-?)(\d{1,400})\\frac\{(\d{1,400})\}\{(\d{1,400})\}")
_SCIENTIFIC = re.compile(r"([+-]?\d{1,40}(?:\.\d{0,40})?)\\cdot10\^(?:\{([+-]?\d{1,3})\}|(\d))")
_POWER_OF_TEN = re.compile(r"([+-]?)10\^(?:\{([+-]?\d{1,3})\}|(\d))")
_COMMA_DECIMAL = re.compile(r"[+-]?\d{1,40},\d{1,40}")
_REPEATING = re.compile(r"([+-]?)(\d{0,40})\.(\d{0,40})(?:\\overline\{(\d{1,40})\}|(\d)\5\5+\\ldots)")
_COUNTED = re.compile(r"([+-]?[\d.,/]{1,40})((?: [a-z]{2,20}){1,3})")
_PROSE = re.compile(r"[a-z]{2,}(?:[ '-]+[a-z]+){0,11}")
_ARTICLE = re.compile(r"^(?:an?|the) ")
_CHOICE = re.compile(r"\(?([A-Ja-j])(?:\)|\.|:|$)")
_TRUTH = {"yes": True, "true": True, "no": False, "false": False, "correct": True, "incorrect": False}


def number(core: str) -> Fraction | None:
    """The exact value of a whole number, decimal or fraction of at most 400 digits; None for anything else."""
    if len(core) > 2 * MAX_DIGITS + 20:
        return None
    if _DECIMAL.fullmatch(core):
        return Fraction(core.rstrip(".") if core.rstrip("+-.") else "0")
    if _THOUSANDS.fullmatch(core):
        return Fraction(core.replace("{,}", "").replace(",", ""))
    if match := _FRACTION.fullmatch(core):
        return _quotient(match[1], match[2] or match[4], match[3] or match[5])
    if (match := _MIXED.fullmatch(core)) and 0 < int(match[3]) < int(match[4]):
        value = int(match[2]) + Fraction(int(match[3]), int(match[4]))
        return -value if match[1] else value
    if match := _SCIENTIFIC.fullmatch(core):
        return Fraction(match[1]) * Fraction(10) ** int(match[2] or match[3])
    if match := _REPEATING.fullmatch(core):
        return _repeating(match[1], match[2], match[3], match[4] or match[5])
    if match := _POWER_OF_TEN.fullmatch(core):
        return Fraction(match[1] + "1") * Fraction(10) ** int(match[2] or match[3])
    return None


def _repeating(sign: str, whole: str, fixed: str, period: str) -> Fraction:
    r"""`0.1\overline{6}`, and `0.1666\ldots` where a digit comes three times or more."""
    value = Fraction(int(f"{whole}{fixed}" or "0")) + Fraction(int(period), 10 ** len(period) - 1)
    value /= 10 ** len(fixed)
    return -value if sign == "-" else value


def _quotient(sign: str, above: str, below: str) -> Fraction | None:
    value = Fraction(int(above), int(below)) if int(below) else None
    return -value if value is not None and sign == "-" else value


def same_number(answer: Form, gold: Form, decimals: int) -> bool | None:
    """Whether two exact numbers agree; None when one of them is not an exact number.

    A decimal also stands for the fraction that rounds to it, given at least `decimals` places.
    """
    left, right = number(answer.core), number(gold.core)
    if left is None or right is None:
        return True if _comma_for_point(answer.core, gold.core) or _comma_for_point(gold.core, answer.core) else None
    if {answer.unit, gold.unit} == {"dollar", "cent"}:
        return left * (100 if answer.unit == "dollar" else 1) == right * (100 if gold.unit == "dollar" else 1)
    if left == right:
        return True
    if answer.unit != gold.unit and "%" in (answer.unit, gold.unit):
        return left * (100 if gold.unit else 1) == right * (100 if answer.unit else 1)
    return _rounds_to(answer.core, right, gold.core, decimals) or _rounds_to(gold.core, left, answer.core, decimals)


def _comma_for_point(core: str, other: str) -> bool:
    """Whether `core` is the decimal `other` as much of Europe writes it."""
    return "." in other and _COMMA_DECIMAL.fullmatch(core) is not None and core.replace(",", ".") == other


def _rounds_to(core: str, value: Fraction, other: str, decimals: int) -> bool:
    """Whether the decimal `core` is `value` (not itself spelt as a decimal) rounded to the places it shows."""
    places = len(core.partition(".")[2])
    if "." in other or places < decimals or "." not in core or places > 60 or not core[-1].isdigit():
        return False
    return abs(Fraction(core.replace("{,}", "").replace(",", "")) - value) * 2 <= Fraction(1, 10**places)


def same_list(answer: str, gold: str, decimals: int) -> bool | None:
    """Compare two lists: sets and bare lists without order, tuples and intervals with it.

    A bare list stands for a tuple in its order, and for a set. True only for exact numbers; False where some element
    surely has no partner; None otherwise.
    """
    left, right = elements(answer), elements(gold)
    if left is None or right is None:
        return None
    if left[0] != right[0]:
        return _unlike(left, right)
    ordered = not is_unordered(left[0])
    a, b = [number(piece) for piece in left[1]], [number(piece) for piece in right[1]]
    if None not in a and None not in b:
        return a == b if ordered else set(a) == set(b)
    if len(a) > MAX_ELEMENTS or len(b) > MAX_ELEMENTS:
        return None
    if ordered:
        apart = len(a) != len(b) or any(differ(x, y, decimals) for x, y in zip(left[1], right[1], strict=True))
        return False if apart else None
    lonely = any(all(differ(x, y, decimals) for x in left[1]) for y in right[1])
    return False if lonely or any(all(differ(x, y, decimals) for y in right[1]) for x in left[1]) else None


def _unlike(left: tuple[str, list[str]], right: tuple[str, list[str]]) -> bool | None:
    """Numbers in different brackets, of which one pair is missing: `1, 2` for `(1, 2)` in that order."""
    if not in_one_order(left[0], right[0]):
        return None
    a, b = [number(piece) for piece in left[1]], [number(piece) for piece in right[1]]
    return a == b if None not in a and None not in b else None


def relations_differ(answer: str, gold: str) -> bool:
    """Whether two simple equations or inequalities are surely not multiples of each other."""
    (left, sides), (right, wanted) = relation(answer), relation(gold)
    if len(left) != 1 or len(right) != 1 or left[0] not in FLIPPED or right[0] not in FLIPPED:
        return False
    if right[0] not in (left[0], FLIPPED[left[0]]):
        return True
    here, there = (ratio((sides[0], sides[1]), (wanted[0], wanted[1]), point) for point in (0, 1))
    if surely_differ(here, there, 0.0):
        return True
    return here is not None and right[0] != (left[0] if here.value.real > 0 else FLIPPED[left[0]])


def differ(answer: str, gold: str, decimals: int) -> bool:
    """Whether the values of two normal forms at a fixed point prove that they differ."""
    tolerance = 10.0**-decimals if "." in answer or "." in gold else 0.0
    return surely_differ(estimate(answer), estimate(gold), tolerance)


def same_choice(answer: Form, gold: Form) -> bool | None:
    """Compare multiple-choice letters (`B`, `(B)`, `B.`, `B: because`); None where the gold answer is not one."""
    wanted = _CHOICE.fullmatch(gold.words.strip())
    if wanted is None or not gold.core.strip("()").isupper():
        return None
    given = _CHOICE.match(answer.words.removeprefix("option ").removeprefix("choice "))
    if given is None:
        return None
    return given[1] == wanted[1] and (answer.core.strip("()")[:1].isupper() or answer.core.lower().startswith("option"))


def same_truth(answer: Form, gold: Form) -> bool | None:
    """Compare yes and no, true and false; None where the gold answer is neither."""
    wanted = _TRUTH.get(gold.words)
    if wanted is None:
        return None
    first = re.split(r"[^a-z]", answer.words, maxsplit=1)[0]
    return _TRUTH.get(answer.words, _TRUTH.get(first)) is wanted


def same_words(answer: Form, gold: Form) -> bool | None:
    """True for the same words, but for case and article; None for anything else."""
    left, right = (_ARTICLE.sub("", form.words) for form in (answer, gold))
    same = left == right and _PROSE.fullmatch(right) and max(map(len, right.split())) > 2
    return True if same or (answer.words == gold.words and gold.words.isalpha() and len(gold.words) > 1) else None


def same_count(answer: Form, gold: Form) -> bool | None:
    """Compare `24 apples`, words that are no known unit, with a number; None where not exactly one is so."""
    counted = [_COUNTED.fullmatch(form.words) for form in (answer, gold)]
    if bool(counted[0]) == bool(counted[1]) or NOT_UNITS & set(" ".join(m[2] for m in counted if m).split()):
        return None
    values = [number(m[1] if m else form.core) for m, form in zip(counted, (answer, gold), strict=True)]
    return None if None in values else values[0] == values[1]


def decide(answer: Form, gold: Form, decimals: int = 6) -> bool | None:
    """True or False where that is certain; None where only algebra can tell.

    An answer that is stated more than once is right where one of its statements is.
    """
    if answer.core == gold.core and answer.name == gold.name and units_agree(answer.unit, gold.unit):
        return True
    found = [_decide(a, g, decimals) for a, g in paired(answer, gold)]
    return True if True in found else None if None in found else False


def _decide(answer: Form, gold: Form, decimals: int) -> bool | None:
    truth = same_truth(answer, gold)
    if truth is not None:
        return truth
    if not units_agree(answer.unit, gold.unit):
        return False
    if as_relations(answer, gold):
        return True if answer.whole == gold.whole else False if relations_differ(answer.whole, gold.whole) else None
    for compare in (same_choice(answer, gold), same_words(answer, gold), same_number(answer, gold, decimals)):
        if compare is not None:
            return compare
    if answer.core == gold.core:
        return True
    for compare in (same_notation(answer, gold), same_count(answer, gold), same_single(answer, gold, decimals)):
        if compare is not None:
            return compare
    left, right = quotient(answer.core), quotient(gold.core)
    if differ(left, right, decimals) or relations_differ(left, right):
        return False
    return same_list(left, right, decimals)


def same_single(answer: Form, gold: Form, decimals: int) -> bool | None:
    """Compare a set of one element with that element, and a number with a list of several; None for anything else."""
    inside = [_only_element(form.core) for form in (answer, gold)]
    if bool(inside[0]) != bool(inside[1]):
        left, right = (replace(f, core=one or f.core) for f, one in zip((answer, gold), inside, strict=True))
        return _decide(left, right, decimals)
    repeated = [_repeated(form.core) for form in (answer, gold)]
    if any(repeated):
        left, right = (replace(f, core=one or f.core) for f, one in zip((answer, gold), repeated, strict=True))
        return _decide(left, right, decimals)
    counts = [len(set(found[1])) if (found := elements(form.core)) else 1 for form in (answer, gold)]
    one_number = (counts[0] == 1 and number(answer.core) is not None) or (
        counts[1] == 1 and number(gold.core) is not None
    )
    return False if one_number and counts[0] != counts[1] else None


def _repeated(core: str) -> str | None:
    r"""The number that a list without brackets says over and over: `\frac{1}{2},0.5`."""
    found = elements(core)
    if found is None or found[0] or bracketed(core):
        return None
    values = {number(piece) for piece in found[1]}
    return found[1][0] if len(values) == 1 and None not in values else None


def _only_element(core: str) -> str | None:
    found = elements(core)
    return found[1][0] if found and found[0] == "\\{\\}" and len(found[1]) == 1 else None


def as_relations(answer: Form, gold: Form) -> bool:
    """Whether the names on the left of `=` matter: both sides are equations and the names differ."""
    if answer.name and gold.name:
        return answer.name != gold.name and {answer.name, gold.name} != {"y", FUNCTION_NAME}
    if answer.name.startswith("(") or gold.name.startswith("("):
        return False  # `(x,y)=(1,2)` says `x=1,y=2`
    return bool((answer.name and "=" in gold.core) or (gold.name and "=" in answer.core))


def decide_texts(answer: str, gold: str, decimals: int = 6) -> bool | None:
    """`decide` on two spellings."""
    return decide(form(answer), form(gold), decimals)
