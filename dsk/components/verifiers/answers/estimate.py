r"""A cheap proof that two expressions differ: their values, with error bounds, at one fixed point.

Numbers, letters, `\pi`, `e`, `i`, sums, products, quotients, powers, roots, absolute values, factorials and the common
functions; anything else, and anything with two readings, has no estimate. Each letter stands for a fixed
irrational-looking number, so two expressions whose values differ by more than their rounding errors are different
functions. That settles most wrong answers without algebra; agreement proves nothing and is left to it.
"""

from __future__ import annotations

import cmath
import math
import re
import zlib
from collections.abc import Callable
from functools import lru_cache

from dsk.components.verifiers.answers.bounded import Estimate, NoEstimateError, exact, rounded

_TOKEN = re.compile(r"\d+(?:\.\d*)?|\.\d+|\\[A-Za-z]+|\S")
_GREEK = frozenset(f"\\{name}" for name in (
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "kappa", "lambda",
    "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta",
    "Lambda", "Xi", "Sigma", "Phi", "Psi", "Omega", "ell", "hbar",
))  # fmt: skip
MAX_CHARS = 1000
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "\\ln": cmath.log, "\\log": cmath.log, "\\exp": cmath.exp,
    "\\sin": cmath.sin, "\\cos": cmath.cos, "\\tan": cmath.tan,
    "\\sinh": cmath.sinh, "\\cosh": cmath.cosh, "\\tanh": cmath.tanh, "\\arctan": cmath.atan,
    "\\arcsin": cmath.asin, "\\arccos": cmath.acos, "\\cot": lambda z: 1 / cmath.tan(z),
    "\\sec": lambda z: 1 / cmath.cos(z), "\\csc": lambda z: 1 / cmath.sin(z),
}  # fmt: skip
_CALLED = frozenset(("\\Gamma", "\\zeta", "\\psi", "\\Phi"))
"""Letters that are functions before a bracket."""


class _Reader:
    """Recursive descent over the tokens of one normal form; letters take the values of point number `point`."""

    def __init__(self, core: str, point: int) -> None:
        self.tokens = [*_TOKEN.findall(core), ""]
        self.at = 0
        self.point = point
        self.in_bars = False

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        return self.tokens[self.at]

    def expect(self, token: str) -> None:
        if self.next() != token:
            raise NoEstimateError

    def sum(self) -> Estimate:
        total = self.product()
        while self.peek() in ("+", "-"):
            sign = -1 if self.next() == "-" else 1
            total = total + exact(sign) * self.product()
        return total

    def product(self) -> Estimate:
        sign, divided = 1, False
        while self.peek() in ("+", "-"):
            sign = -sign if self.next() == "-" else sign
        result = exact(sign) * self.power()
        while True:
            operator = self.peek()
            if operator in ("*", "\\cdot", "/"):
                self.next()
                factor = self.power()
                divided = operator == "/"
                result = result * (factor.inverse() if divided else factor)
            elif self._starts_factor(operator):
                self._refuse_ambiguous(divided)
                result = result * self.power()
            else:
                return result

    def _starts_factor(self, token: str) -> bool:
        if token == "|":
            return not self.in_bars
        opens = token in ("(", "{", "\\frac", "\\binom", "\\sqrt") or token in _FUNCTIONS
        return opens or _is_name(token) or token[:1].isdigit()

    def _refuse_ambiguous(self, divided: bool) -> None:
        """`1/2x` has two readings, `3\\frac{1}{2}` is a mixed number, `2 2` is a typing error."""
        before, after = self.tokens[self.at - 1], self.peek()
        if divided or after[:1].isdigit() or (after == "\\frac" and before[:1].isdigit()):
            raise NoEstimateError

    def power(self) -> Estimate:
        if self.peek() in _FUNCTIONS:
            return self.function()
        base = self.atom()
        if self.peek() == "!":
            self.next()
            base = _factorial(base)
        if self.peek() == "^":
            self.next()
            base = base.power(self.exponent())
        if self.peek() in ("^", "!", "'", "_"):
            raise NoEstimateError
        return base

    def exponent(self) -> Estimate:
        """A group or one token; of a longer bare number only the first digit belongs to it: left to algebra."""
        token = self.peek()
        if token == "{":
            return self.group()
        if len(token) > 1 and token[0].isdigit():
            raise NoEstimateError
        return self.atom()

    def function(self) -> Estimate:
        """`\\sin x`, `\\sin(x)`, `\\sin^2 x`; where the argument's end is not certain there is no estimate."""
        token = self.next()
        function = self.logarithm() if token == "\\log" else _FUNCTIONS[token]
        power = exact(1)
        if self.peek() == "^":
            self.next()
            power = self.exponent()
            if power.value.real <= 0:
                raise NoEstimateError
        return self.argument().apply(function).power(power)

    def logarithm(self) -> Callable[[complex], complex]:
        """To a whole base of at least 2; without a base it has two readings."""
        self.expect("_")
        base = self.group() if self.peek() == "{" else self.single_digit()
        if base.error or base.value.imag or base.value.real < 2:
            raise NoEstimateError
        scale = math.log(base.value.real)
        return lambda z: cmath.log(z) / scale

    def single_digit(self) -> Estimate:
        token = self.next()
        if len(token) != 1 or not token.isdigit():
            raise NoEstimateError
        return exact(int(token))

    def argument(self) -> Estimate:
        if self.peek() in ("(", "{", "\\frac", "\\sqrt", "|"):
            inner = self.atom()
            certain = self.peek() in ("", "+", "-", ")", "}", "]", "\\cdot", "|") or self.peek() in _FUNCTIONS
            if not certain and self.tokens[self.at - 1] != ")":
                raise NoEstimateError
        else:
            inner = self.power()
            while _is_name(self.peek()):
                inner = inner * self.power()
            if self.peek() == "/" and self.tokens[self.at + 1] not in _FUNCTIONS:
                raise NoEstimateError
        if self.peek() in ("^", "!") or (self.peek() in ("(", "\\frac", "\\sqrt", "|", "\\cdot") and not self.in_bars):
            raise NoEstimateError
        return inner

    def group(self) -> Estimate:
        self.expect("{")
        return self.enclosed("}")

    def enclosed(self, closing: str) -> Estimate:
        outside, self.in_bars = self.in_bars, closing == "|"
        inner = self.sum()
        self.expect(closing)
        self.in_bars = outside
        return inner

    def atom(self) -> Estimate:
        token = self.next()
        if token in ("{", "("):
            return self.enclosed("}" if token == "{" else ")")
        if token == "|" and not self.in_bars:
            inner = self.enclosed("|")
            return rounded(abs(inner.value), inner.error)
        if token == "\\frac":
            above = self.group()
            return above * self.group().inverse()
        if token == "\\binom":
            above, below = self.group(), self.group()
            rest = _factorial(above + exact(-1) * below)
            return _factorial(above) * (_factorial(below) * rest).inverse()
        if token == "\\sqrt":
            return self.root()
        if token[:1].isdigit() or token[:1] == ".":
            return rounded(float(token), 0.0) if "." in token or len(token) > 15 else exact(int(token))
        if _is_name(token) and not (token in _CALLED and self.peek() == "("):
            return self.named(token)
        raise NoEstimateError

    def root(self) -> Estimate:
        degree = exact(2)
        if self.peek() == "[":
            self.next()
            degree = self.enclosed("]")
        inner = self.group()
        if degree.value == 2 and inner.error == 0:
            return rounded(cmath.sqrt(inner.value), 0.0)
        return inner.power(degree.inverse())

    def named(self, token: str) -> Estimate:
        name = token
        if self.peek() == "_":
            self.next()
            name += "_" + self.subscript()
        constants = {"\\pi": math.pi, "e": math.e, "i": 1j}
        if name in constants:
            return rounded(constants[name], 0.0)
        return Estimate(_letter_value(name, self.point), 0.0)

    def subscript(self) -> str:
        token = self.next()
        if token != "{":
            if len(token) != 1 or not token.isalnum():
                raise NoEstimateError
            return token
        inside = []
        while self.peek() != "}":
            if self.peek() in ("", "{"):
                raise NoEstimateError
            inside.append(self.next())
        self.next()
        return "".join(inside)


def _letter_value(name: str, point: int) -> float:
    return 0.4 + zlib.crc32(f"{point}{name}".encode()) / 2**32


def value_of(symbol: str) -> float:
    """The value at the first point of the letter that sympy calls `symbol`."""
    letter, underscore, index = symbol.partition("_")
    letter = f"\\{letter}" if f"\\{letter}" in _GREEK else letter
    return _letter_value(letter + underscore + index.strip("{}"), 0)


def _factorial(number: Estimate) -> Estimate:
    if not -0.5 < number.value.real < 60:
        raise NoEstimateError
    return number.apply(lambda z: complex(math.gamma(z.real + 1)))


def _is_name(token: str) -> bool:
    return token in _GREEK or token == "\\pi" or (len(token) == 1 and token.isascii() and token.isalpha())


@lru_cache(maxsize=16384)
def estimate(core: str, point: int = 0) -> Estimate | None:
    """The value of a whole normal form at a fixed point, or None."""
    if len(core) > MAX_CHARS:
        return None
    reader = _Reader(core, point)
    try:
        result = reader.sum()
    except (NoEstimateError, ArithmeticError, ValueError, RecursionError):
        return None
    return result if not reader.peek() and reader.at == len(reader.tokens) - 1 else None


def surely_differ(answer: Estimate | None, gold: Estimate | None, tolerance: float) -> bool:
    """Whether both are known and further apart than rounding and `tolerance` (absolute) explain."""
    if answer is None or gold is None:
        return False
    size = max(abs(answer.value), abs(gold.value))
    return abs(answer.value - gold.value) > 4 * (answer.error + gold.error) + 1e-9 * size + tolerance


def ratio(sides: tuple[str, str], wanted: tuple[str, str], point: int) -> Estimate | None:
    """(left - right) of one relation over that of another at a point, or None."""
    values = [estimate(side, point) for side in (*sides, *wanted)]
    if None in values:
        return None
    left, right, wanted_left, wanted_right = (value for value in values if value is not None)
    minus = exact(-1)
    try:
        return (left + minus * right) * (wanted_left + minus * wanted_right).inverse()
    except NoEstimateError:
        return None
