r"""A cheap proof that two expressions differ: their values, with error bounds, at one fixed point.

Numbers, letters, `\pi`, `e`, `i`, sums, products, quotients, powers and roots; anything else has no estimate. Each letter
stands for a fixed irrational-looking number, so two expressions whose values differ by more than their rounding errors are
different functions. That settles most wrong answers without algebra; agreement proves nothing and is left to it.
"""

from __future__ import annotations

import cmath
import math
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(r"\d+(?:\.\d*)?|\.\d+|\\[A-Za-z]+|\S")
_GREEK = frozenset(
    f"\\{name}"
    for name in ["alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "kappa", "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Sigma", "Phi", "Psi", "Omega", "ell", "hbar"]
)
MAX_CHARS = 1000
_EPSILON = 2.0**-50
_LARGEST_EXPONENT = 64.0


class NoEstimateError(ValueError):
    """The expression holds something whose value is not known here."""


@dataclass(frozen=True)
class Estimate:
    """A complex value and a bound on its absolute error."""

    value: complex
    error: float

    def __add__(self, other: Estimate) -> Estimate:
        return _rounded(self.value + other.value, self.error + other.error)

    def __mul__(self, other: Estimate) -> Estimate:
        error = abs(self.value) * other.error + abs(other.value) * self.error + self.error * other.error
        return _rounded(self.value * other.value, error)

    def inverse(self) -> Estimate:
        """1 / self; no estimate where self may be zero."""
        size = abs(self.value)
        if size <= 2 * self.error or size < 1e-300:
            raise NoEstimateError
        return _rounded(1 / self.value, 2 * self.error / size / size)

    def power(self, exponent: Estimate) -> Estimate:
        """self ** exponent for a real exponent of moderate size; a negative base needs a whole one."""
        p, base = exponent.value.real, self.value
        whole = p == round(p) and exponent.error == 0
        if exponent.value.imag or abs(p) > _LARGEST_EXPONENT or (not whole and (base.imag or base.real <= 0)):
            raise NoEstimateError
        if base == 0 or abs(base) <= 4 * self.error:
            raise NoEstimateError
        value = base ** (int(p) if whole else p)
        relative = abs(p) * 2 * self.error / abs(base) + 2 * exponent.error * abs(cmath.log(base))
        if relative > 0.1:
            raise NoEstimateError
        return _rounded(value, abs(value) * (2 * relative + abs(p) * _EPSILON))


def _rounded(value: complex, error: float) -> Estimate:
    size = abs(value)
    if not (math.isfinite(size) and math.isfinite(error)):
        raise NoEstimateError
    return Estimate(value, error + size * _EPSILON)


def _exact(value: complex) -> Estimate:
    return Estimate(complex(value), 0.0)


class _Reader:
    """Recursive descent over the tokens of one normal form."""

    def __init__(self, core: str) -> None:
        self.tokens = [*_TOKEN.findall(core), ""]
        self.at = 0

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
            total = total + _exact(sign) * self.product()
        return total

    def product(self) -> Estimate:
        sign, divided = 1, False
        while self.peek() in ("+", "-"):
            sign = -sign if self.next() == "-" else sign
        result = _exact(sign) * self.power()
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
        return token in ("(", "{", "\\frac", "\\sqrt") or _is_name(token) or token[:1].isdigit()

    def _refuse_ambiguous(self, divided: bool) -> None:
        """`1/2x` has two readings, `3\\frac{1}{2}` is a mixed number, `2 2` is a typing error."""
        before, after = self.tokens[self.at - 1], self.peek()
        if divided or after[:1].isdigit() or (after == "\\frac" and before[:1].isdigit()):
            raise NoEstimateError

    def power(self) -> Estimate:
        base = self.atom()
        if self.peek() == "^":
            self.next()
            base = base.power(self.group() if self.peek() == "{" else self.script())
        if self.peek() in ("^", "!", "'", "_"):
            raise NoEstimateError
        return base

    def script(self) -> Estimate:
        """A one-token exponent: of a longer number only the first digit belongs to it, which is left to algebra."""
        token = self.peek()
        if len(token) > 1 and token[0].isdigit():
            raise NoEstimateError
        return self.atom()

    def group(self) -> Estimate:
        self.expect("{")
        inner = self.sum()
        self.expect("}")
        return inner

    def atom(self) -> Estimate:
        token = self.peek()
        if token == "{":
            return self.group()
        self.next()
        if token == "(":
            inner = self.sum()
            self.expect(")")
            return inner
        if token == "\\frac":
            above = self.group()
            return above * self.group().inverse()
        if token == "\\sqrt":
            return self.root()
        if token[:1].isdigit() or token[:1] == ".":
            return _rounded(float(token), 0.0) if "." in token or len(token) > 15 else _exact(int(token))
        if _is_name(token):
            return self.named(token)
        raise NoEstimateError

    def root(self) -> Estimate:
        degree = _exact(2)
        if self.peek() == "[":
            self.next()
            degree = self.sum()
            self.expect("]")
        inner = self.group()
        if degree.value == 2 and inner.error == 0:
            return _rounded(cmath.sqrt(inner.value), 0.0)
        return inner.power(degree.inverse())

    def named(self, token: str) -> Estimate:
        name = token
        if self.peek() == "_":
            self.next()
            name += "_" + self.subscript()
        constants = {"\\pi": math.pi, "e": math.e, "i": 1j}
        if name in constants:
            return _rounded(constants[name], 0.0)
        return Estimate(0.4 + zlib.crc32(name.encode()) / 2**32, 0.0)

    def subscript(self) -> str:
        token = self.next()
        if token != "{":
            return token[:1] if token[:1].isalnum() and len(token) == 1 else self._refuse()
        inside = []
        while self.peek() != "}":
            if not self.peek() or self.peek() == "{":
                self._refuse()
            inside.append(self.next())
        self.next()
        return "".join(inside)

    def _refuse(self) -> str:
        raise NoEstimateError


def _is_name(token: str) -> bool:
    return token in _GREEK or token == "\\pi" or (len(token) == 1 and token.isascii() and token.isalpha())


@lru_cache(maxsize=16384)
def estimate(core: str) -> Estimate | None:
    """The value of a whole normal form at the fixed point, or None."""
    if len(core) > MAX_CHARS:
        return None
    reader = _Reader(core)
    try:
        result = reader.sum()
    except (NoEstimateError, OverflowError, ZeroDivisionError):
        return None
    return result if not reader.peek() and reader.at == len(reader.tokens) - 1 else None


def surely_differ(answer: Estimate | None, gold: Estimate | None, tolerance: float) -> bool:
    """Whether both are known and further apart than rounding and `tolerance` (absolute) explain."""
    if answer is None or gold is None:
        return False
    size = max(abs(answer.value), abs(gold.value))
    return abs(answer.value - gold.value) > 4 * (answer.error + gold.error) + 1e-9 * size + tolerance
