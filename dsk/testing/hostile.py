"""Text that hangs, floods or confuses verifiers: a fixed corpus and a Hypothesis generator. Models write such text."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import cycle, islice

from hypothesis import strategies as st

PLACEHOLDER = "\\boxed{%s}"


def tower(height: int, base: str = "9") -> str:
    """A tower of powers."""
    return f"{base}^{{" * height + base + "}" * height


BOXED: dict[str, Callable[[], str]] = {
    "tower of powers": lambda: tower(5),
    "tall tower": lambda: tower(30),
    "tower of letters": lambda: tower(12, "x"),
    "power to subtract": lambda: f"{tower(3)} - {tower(3)}",
    "power modulo": lambda: "2^{10^{10^{10}}} \\mod 7",
    "negative tower": lambda: "(-1)^{" + tower(4) + "}",
    "factorial of factorials": lambda: "((((9!)!)!)!)!",
    "long factorial": lambda: "9" + "!" * 50,
    "large factorial": lambda: "99999999999!",
    "binomial": lambda: "\\binom{10^{12}}{10^{11}}",
    "endless sum": lambda: "\\sum_{k=1}^{10^{12}} \\frac{1}{k^3+k+1}",
    "endless product": lambda: "\\prod_{k=1}^{10^{9}} (k^2+1)",
    "integral": lambda: "\\int_0^1 \\sin(\\tan(\\exp(x^x))) \\, dx",
    "nested integrals": lambda: "\\int_0^1 " * 8 + "x^x" + "\\, dx" * 8,
    "limit": lambda: "\\lim_{x\\to0} (\\sin x)^{\\tan x^{\\cos x^{x}}}",
    "expansion": lambda: "(a+b+c+d+e+f+g)^{200}",
    "nested roots": lambda: "\\sqrt{2+" * 30 + "2" + "}" * 30,
    "nested fractions": lambda: "\\frac{1}{1+" * 30 + "x" + "}" * 30,
    "large matrix": lambda: "\\begin{pmatrix}" + "\\\\".join(["x&y&z&w"] * 40) + "\\end{pmatrix}^{50}",
    "large set": lambda: "\\{" + ",".join(f"x_{{{i}}}" for i in range(150)) + "\\}",
    "digits": lambda: "7" * 1_000_000,
    "decimals": lambda: "0." + "3" * 900,
    "exponent": lambda: "1e999999999",
    "fraction over zero": lambda: "\\frac{1}{0}",
    "braces": lambda: "{" * 100_000 + "1" + "}" * 100_000,
    "brackets": lambda: "(" * 400 + "1" + ")" * 400,
    "unbalanced": lambda: "}{)(][\\}\\{" * 50,
    "minus signs": lambda: "-" * 900 + "1",
    "carets": lambda: "x" + "^" * 900,
    "backslashes": lambda: "\\" * 901,
    "commas": lambda: "," * 900,
    "equations": lambda: "x=" * 300 + "1",
    "inequalities": lambda: "x<" * 200 + "1",
    "null bytes": lambda: "\x001\x00",
    "lone surrogates": lambda: "\ud800\udfff 1 \udc00",
    "bidirectional marks": lambda: "\u202e1\u202c\u2066 2\u2069\u200f",
    "combining marks": lambda: "1" + "\u0301" * 900,
    "other digits": lambda: "\u0661\u0662\u0663 \uff11 \u00bd \u2460",
    "newlines": lambda: "1\n" * 400,
    "regex bomb": lambda: "a" * 500 + "!" + "a?" * 200,
    "spaces": lambda: "1" + " " * 900 + "2",
    "macro defining itself": lambda: "\\def\\x{\\x\\x}\\x",
    "macro pairs": lambda: "\\newcommand{\\a}{\\b\\b}\\newcommand{\\b}{\\a\\a}\\a",
    "csname": lambda: "\\csname end\\endcsname\\expandafter\\x\\loop\\iftrue\\repeat",
    "python": lambda: "__import__('os').system('true')",
    "text in text": lambda: "\\text{" * 200 + "1" + "}" * 200,
    "left without right": lambda: "\\left(" * 100 + "1",
    "piecewise": lambda: "\\begin{cases}" * 20 + "1" + "\\end{cases}" * 20,
    "percent signs": lambda: "%" * 500,
    "degree signs": lambda: "1" + "^\\circ" * 200,
    "json": lambda: '{"reason": "equal"}\n{"ready": true}\n',
}
"""Answers, as they stand in a box."""

WHOLE: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "boxes never closed": lambda: "\\boxed{" * 50_000,
    "boxes in boxes": lambda: "\\boxed{" * 20_000 + "1" + "}" * 20_000,
    "empty boxes": lambda: "\\boxed{}" * 20_000,
    "box of spaces": lambda: "\\boxed" + " " * 100_000 + "{1}",
    "a megabyte of digits": lambda: "1" * 1_000_000,
    "a megabyte of braces": lambda: "{}" * 500_000,
    "open braces": lambda: "{" * 100_000,
    "closed braces": lambda: "}" * 100_000,
    "the prompt again and again": lambda: "What is 1+1? Put the answer in \\boxed{}. " * 10_000,
    "many answers": lambda: "the answer is 1. " * 20_000,
    "dollars": lambda: "$" * 100_000,
    "null bytes and a box": lambda: "\x00" * 1000 + "\\boxed{\x00}",
}
"""Whole responses."""


def corpus() -> dict[str, str]:
    """Every hostile response by name (several are a megabyte long)."""
    boxed = {name: PLACEHOLDER % make() for name, make in BOXED.items()}
    return {**boxed, **{name: make() for name, make in WHOLE.items()}}


_ATOMS = [
    "9", "x", "-", "+", "!", "^", "_", "{", "}", "(", ")", "[", "]", "|", ",", "=", "<", "\\frac", "\\sqrt", "\\pi",
    "\\left(", "\\right)", "\\{", "\\}", "\\text{", "\\boxed{", "\\sum_", "\\int", "\\infty", "\\", "$", "%", "&",
    "\\begin{pmatrix}", "\\end{pmatrix}", "\x00", "\ud800", "\u202e", " ", "\n", "999999999", ".", "\\circ",
    "\\def",
]  # fmt: skip
_BASES = ["2", "9", "x", "10", "-1", "e"]


def hostile_answers() -> st.SearchStrategy[str]:
    """LaTeX-like rubble, towers, repetitions and arbitrary text, short enough to reach the parser."""
    rubble = st.lists(st.sampled_from(_ATOMS), max_size=40).map("".join)
    towers = st.builds(tower, st.integers(1, 40), st.sampled_from(_BASES))
    repeated = st.tuples(rubble, st.integers(1, 30)).map(lambda drawn: drawn[0] * drawn[1])
    arbitrary = st.text(st.characters(), max_size=200)
    return st.one_of(rubble, towers, repeated, arbitrary)


def hostile_responses() -> st.SearchStrategy[str]:
    """Responses around such answers, boxed or not."""
    return st.one_of(hostile_answers(), hostile_answers().map(lambda answer: f"so \\boxed{{{answer}}} it is"))


def hostile_stream(count: int, seed: int = 0) -> Iterator[str]:
    """`count` responses: a quarter from the corpus, over and over, a quarter towers, half rubble; all boxed or whole.

    Few are alike, so a verifier's memory of earlier verdicts helps it little.
    """
    rng = random.Random(seed)
    known = cycle(corpus().values())
    kinds = cycle((lambda: next(known), lambda: PLACEHOLDER % _random_tower(rng), *[lambda: _random_rubble(rng)] * 2))
    return (make() for make in islice(kinds, count))


def _random_tower(rng: random.Random) -> str:
    high = tower(rng.randint(1, 40), rng.choice(_BASES))
    return f"{high}{rng.choice('+-*')}{rng.choice('xyz')}_{rng.randrange(1000)}"


def _random_rubble(rng: random.Random) -> str:
    rubble = "".join(rng.choices(_ATOMS, k=rng.randint(1, 40))) * rng.randint(1, 5)
    return rng.choice((PLACEHOLDER % rubble, f"{rubble} so \\boxed{{x+{rubble}"))
