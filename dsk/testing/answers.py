"""Reference answers respelt (still right) and mutated (now wrong): what a verifier of mathematics must tell apart."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from dsk.components.verifiers.answers.exact import number
from dsk.components.verifiers.answers.normal import form
from dsk.components.verifiers.answers.structure import bracketed

_FRAC = re.compile(r"\\d?frac\{([^{}]+)\}\{([^{}]+)\}")
_RELATION = re.compile(r"[=<>:|]|\\(?:le|ge|ne|in|to|mid|sub|equiv|approx|sim|cong|perp|parallel|neq|leq|geq|text)\b|,")
_SWAPPED = {"yes": "No", "no": "Yes", "true": "False", "false": "True"}


def is_quantity(answer: str) -> bool:
    """Whether an answer is a value that may carry a unit or be assigned to a name: no word, relation or list."""
    letters = re.sub(r"\\[A-Za-z]+", "", answer)
    if "%" in answer:
        return False
    return (
        bool(re.search(r"\d|\\pi|\\sqrt", answer))
        and not _RELATION.search(answer)
        and not re.search("[A-Za-z]", letters)
    )


def rewrites(answer: str) -> Iterator[tuple[str, str]]:
    """(rule, another spelling of the same answer) for every rule that applies."""
    for rule, rewrite in REWRITES.items():
        spelling = rewrite(answer)
        if spelling is not None and spelling != answer:
            yield rule, spelling


def _spaced(answer: str) -> str | None:
    return re.sub(r"(?<![\\a-zA-Z])\s*([+\-=,])\s*", r" \1 ", answer) if "text" not in answer else None


def _tight(answer: str) -> str | None:
    return re.sub(r"(?<![A-Za-z]) (?![A-Za-z])", "", answer) if "\\" in answer or "," in answer else None


def _dfrac(answer: str) -> str:
    return answer.replace("\\dfrac", "\\FRAC").replace("\\frac", "\\dfrac").replace("\\FRAC", "\\frac")


def _left(answer: str) -> str | None:
    if "\\(" in answer:
        return None
    if "\\left" in answer:
        return re.sub(r"\\(left|right)(?![a-z])", "", answer) if "\\left." not in answer else None
    if bracketed(answer) is None and answer.count("(") != answer.count(")"):
        return None
    if answer.count("(") == answer.count(")") and re.search(r"\([^()]*\)", answer):
        return re.sub(r"\(([^()]*)\)", r"\\left( \1 \\right)", answer)
    return None


def _decimal(answer: str) -> str | None:
    value = number(form(answer).core)
    if value is None or value.denominator == 1 or "." in answer:
        return None
    for places in range(1, 9):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).zfill(places + 1)
            return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return None


def _degree(answer: str) -> str | None:
    if "\\circ" in answer:
        return re.sub(r"\^(\\circ|\{\\circ\})", "", answer)
    return (
        answer + "^\\circ"
        if is_quantity(answer) and number(form(answer).core) is not None and "%" not in answer
        else None
    )


def _named(answer: str) -> str | None:
    return f"x = {answer}" if is_quantity(answer) or bracketed(answer) else None


def _dot(answer: str) -> str:
    return answer + "."


def _unit(answer: str) -> str | None:
    return f"{answer} \\text{{ units}}" if is_quantity(answer) and "circ" not in answer else None


def _text(answer: str) -> str | None:
    return f"\\text{{{answer}}}" if answer.replace(" ", "").isalpha() and len(answer) > 1 else None


def _dollars(answer: str) -> str:
    return f"${answer}$"


REWRITES: dict[str, Callable[[str], str | None]] = {
    "spaces added": _spaced,
    "spaces removed": _tight,
    "dfrac": _dfrac,
    "left and right": _left,
    "decimal": _decimal,
    "degree sign": _degree,
    "x=": _named,
    "trailing dot": _dot,
    "text unit": _unit,
    "text": _text,
    "dollars": _dollars,
}


def mutations(answer: str, seed: int = 0) -> Iterator[tuple[str, str]]:
    """(rule, an answer made wrong) for every rule that applies; what merely respells the answer is left out."""
    rng = random.Random(f"{seed}:{answer}")
    for rule, mutate in MUTATIONS.items():
        wrong = mutate(answer, rng)
        if wrong is not None and wrong != answer:
            yield rule, wrong


def _digit(answer: str, rng: random.Random) -> str | None:
    at = [i for i, char in enumerate(answer) if char.isdigit()]
    if not at:
        return None
    i = rng.choice(at)
    return answer[:i] + str((int(answer[i]) + rng.randint(1, 8)) % 10) + answer[i + 1 :]


def _sign(answer: str, rng: random.Random) -> str | None:
    if answer.startswith("-"):
        return answer[1:]
    inner = [i for i, char in enumerate(answer) if char in "+-" and i and answer[i - 1] not in "^_{("]
    if inner:
        i = rng.choice(inner)
        return answer[:i] + ("-" if answer[i] == "+" else "+") + answer[i + 1 :]
    if not answer.strip("()0. "):
        return None
    value = number(form(answer).core)
    return "-" + answer if (value if value is not None else is_quantity(answer) and "pm" not in answer) else None


def _swap(answer: str, rng: random.Random) -> str | None:
    match = _FRAC.search(answer)
    if match is None or match[1] == match[2] or match[1].lstrip("-") == match[2].lstrip("-"):
        return None
    return answer[: match.start()] + f"\\frac{{{match[2]}}}{{{match[1]}}}" + answer[match.end() :]


def _truth(answer: str, rng: random.Random) -> str | None:
    return _SWAPPED.get(answer.strip().lower())


def _element(answer: str, rng: random.Random) -> str | None:
    found = bracketed(answer)
    if found is None or len(found[2]) < 2 or len(set(found[2])) < len(found[2]):
        return None
    kept = list(found[2])
    kept.pop(rng.randrange(len(kept)))
    return found[0] + ",".join(kept) + found[1]


MUTATIONS: dict[str, Callable[[str, random.Random], str | None]] = {
    "digit": _digit,
    "sign": _sign,
    "fraction": _swap,
    "yes/no": _truth,
    "element": _element,
}
