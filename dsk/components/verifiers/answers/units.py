"""A quantity and its unit, told apart on tokens."""

from __future__ import annotations

from dsk.components.verifiers.answers.vocabulary import NOT_UNITS, OPERATORS, QUANTITIES, SAME_UNITS, TEXT, UNITS

TRAILING = " .,;:"
_POWERS = (["^", "2"], ["^", "3"], ["^", "{", "2", "}"], ["^", "{", "3", "}"])
_LONGEST = 40


def split_unit(raw: list[str]) -> tuple[list[str], str]:
    r"""(quantity, unit) of an answer's tokens: `%`, a final `\text{ cm}`, or known words after a number.

    The unit is empty where there is none, also where the words are the whole answer.
    """
    end = len(raw)
    while end and raw[end - 1] in TRAILING:
        end -= 1
    raw = raw[:end]
    if raw and raw[-1] == "%":
        return raw[:-1], "%"
    start = _text_start(raw)
    if start is None:
        start = _word_start(raw)
    quantity = raw[:start] if start is not None else []
    while quantity and quantity[-1] == " ":
        quantity.pop()
    if start is None or not quantity or quantity[-1] in OPERATORS or not _is_quantity(quantity):
        return raw, ""
    words = "".join(part for part in raw[start:] if part not in TEXT and part not in ("{", "}"))
    if NOT_UNITS & set(words.casefold().split()) or words.strip() == "i":
        return raw, ""
    return quantity, unit_name(words)


def unit_name(words: str) -> str:
    """One name for the spellings of a unit: `Meters` and `m`, `miles per hour` and `mph`, `a.m.` and `AM`."""
    squeezed = words.strip(TRAILING).casefold().replace(" ", "").replace(".", "")
    return SAME_UNITS.get(squeezed) or SAME_UNITS.get(squeezed.rstrip("s")) or squeezed.rstrip("s") or squeezed


def units_agree(left: str, right: str) -> bool:
    """Whether two units do not contradict each other (one of them missing is fine)."""
    vague = ("", "unit", "%")
    return left in vague or right in vague or left == right or {left, right} == {"dollar", "cent"}


def _is_quantity(parts: list[str]) -> bool:
    return any(part.isdigit() or part in QUANTITIES for part in parts)


def _text_start(raw: list[str]) -> int | None:
    r"""Where a final `\text{word}` (squared or cubed or not) begins."""
    end = len(raw) - max((len(power) for power in _POWERS if raw[-len(power) :] == power), default=0)
    if not end or raw[end - 1] != "}":
        return None
    brace = max((i for i in range(max(0, end - _LONGEST), end) if raw[i] == "{"), default=-1)
    macro = brace - 1 - (raw[brace - 1 : brace] == [" "])
    if brace < 0 or macro < 1 or raw[macro] not in TEXT or raw[macro] == "\\operatorname":
        return None
    inside = raw[brace + 1 : end - 1]
    if not any(part.isalpha() for part in inside) or not all(part.isalpha() or part in " ./-^23" for part in inside):
        return None
    return macro


def _word_start(raw: list[str]) -> int | None:
    """Where a final bare unit word (or several, or one with an exponent) begins."""
    end = start = len(raw) - max((len(power) for power in _POWERS if raw[-len(power) :] == power), default=0)
    while start and (raw[start - 1].isalpha() or raw[start - 1] in " ."):
        start -= 1
    words = "".join(raw[start:end]).strip(" .").casefold().split()
    return (
        start
        if start and words and all(word.strip(".") in UNITS or word.rstrip("s") in SAME_UNITS for word in words)
        else None
    )
