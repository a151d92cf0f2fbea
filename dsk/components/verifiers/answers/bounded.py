"""Complex numbers with a bound on their rounding error, and the arithmetic that keeps it."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass

EPSILON = 2.0**-50
LARGEST_EXPONENT = 64.0


class NoEstimateError(ValueError):
    """The expression holds something whose value is not known here."""


@dataclass(frozen=True)
class Estimate:
    """A complex value and a bound on its absolute error."""

    value: complex
    error: float

    def __add__(self, other: Estimate) -> Estimate:
        return rounded(self.value + other.value, self.error + other.error)

    def __mul__(self, other: Estimate) -> Estimate:
        error = abs(self.value) * other.error + abs(other.value) * self.error + self.error * other.error
        return rounded(self.value * other.value, error)

    def inverse(self) -> Estimate:
        """1 / self; no estimate where self may be zero."""
        size = abs(self.value)
        if size <= 2 * self.error or size < 1e-300:
            raise NoEstimateError
        return rounded(1 / self.value, 2 * self.error / size / size)

    def power(self, exponent: Estimate) -> Estimate:
        """self ** exponent for a real exponent of moderate size; a negative base needs a whole one."""
        p, base = exponent.value.real, self.value
        whole = p == round(p) and exponent.error == 0
        if exponent.value.imag or abs(p) > LARGEST_EXPONENT or (not whole and (base.imag or base.real <= 0)):
            raise NoEstimateError
        if base == 0 or abs(base) <= 4 * self.error:
            raise NoEstimateError
        value = base ** (int(p) if whole else p)
        relative = abs(p) * 2 * self.error / abs(base) + 2 * exponent.error * abs(cmath.log(base))
        if relative > 0.1:
            raise NoEstimateError
        return rounded(value, abs(value) * (2 * relative + abs(p) * EPSILON))

    def apply(self, function: Callable[[complex], complex]) -> Estimate:
        """function(self) for a real argument and value; the error is that of a nearby difference quotient."""
        if self.value.imag:
            raise NoEstimateError
        step = max(self.error, abs(self.value) * 1e-9, 1e-12)
        value = function(self.value)
        slope = abs(function(self.value + step) - value) / step
        if abs(value.imag) > 1e-12 or slope > 1e6:
            raise NoEstimateError
        return rounded(complex(value.real), 4 * slope * self.error)


def rounded(value: complex, error: float) -> Estimate:
    """A value with its own rounding added to its error."""
    size = abs(value)
    if not (math.isfinite(size) and math.isfinite(error)):
        raise NoEstimateError
    return Estimate(value, error + size * EPSILON)


def exact(value: complex) -> Estimate:
    """A value without an error."""
    return Estimate(complex(value), 0.0)
