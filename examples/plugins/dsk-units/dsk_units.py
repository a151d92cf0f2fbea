"""The verifier `units`: physical quantities, equal whatever units they are written in."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

import dsk

if TYPE_CHECKING:
    from pint import Quantity

NUMBER = re.compile(
    r"\s*(?P<mantissa>[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}))"
    r"(?:[eE](?P<e>[-+]?[0-9]{1,3})|\s?(?:\*|×)\s?10\s?\^\s?\{?(?P<ten>[-+]?[0-9]{1,3})\}?)?\s*"
)
UNIT = re.compile(r"(?P<join>[*/ ]*)(?P<name>[A-Za-zµΩ°%]{1,20})(?:\^\(?(?P<power>[-+]?[0-9])\)?)?")
LATEX = (
    (re.compile(r"\\(?:times|cdot)"), "*"),
    (re.compile(r"\\mu\s?|μ"), "µ"),
    (re.compile(r"\\Omega|Ω"), "Ω"),
    (re.compile(r"\^\s?\{?\\circ\}?\s?|\\degree\s?|°\s"), "°"),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"\\[,;!: ]|~|\$|\u00a0"), " "),
    (re.compile(r"\\approx|≈|="), " "),
    (re.compile(r"[·⋅]"), "*"),
    (re.compile(r"−"), "-"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\^\{([-+]?[0-9])\}"), r"^\1"),
    (re.compile(r"\\(?:text|textrm|mathrm|rm|operatorname)\s?\{([^{}]{0,80})\}"), r"\1"),
    (re.compile(r"\\frac\{([^{}]{0,40})\}\{([^{}]{0,40})\}"), r"\1/\2"),
)
NAMES = {"°": "degree", "°C": "degC", "°F": "degF", "%": "percent", "Ω": "ohm"}
LONGEST = 160


class Units(dsk.Verifier):
    r"""Right where the last `\boxed{}` states the reference's quantity: 500 g is 0.5 kg, and 5 N is not 5 J.

    Values may differ by `tolerance`; dimensions may not. A bare number answers a reference without a unit only.
    """

    kind: ClassVar[str] = "units"

    tolerance: float = Field(default=0.01, ge=0, lt=1, description="Largest relative error, in base units.")

    @contextmanager
    def open(self) -> Generator[Session]:
        """Read pint's unit definitions, once per session."""
        from pint import UnitRegistry

        yield Session(self.tolerance, UnitRegistry(autoconvert_offset_to_baseunit=True))


class Session:
    """An open verifier. Only names and small powers reach pint, so no response makes it compute."""

    def __init__(self, tolerance: float, registry: Any) -> None:
        self.tolerance, self.registry = tolerance, registry
        self.lock = Lock()  # pint's registry fills its caches while it is read

    def verify(self, items: Sequence[tuple[dsk.Problem, str]]) -> list[dsk.Verdict]:
        """One verdict per (problem, response), in order."""
        return [self.judge(problem.answer, text) for problem, text in items]

    def judge(self, reference: str, text: str) -> dsk.Verdict:
        """The verdict on one response."""
        answer = last_box(text)
        if answer is None:
            return dsk.Verdict(correct=False, answer=None, reason="no_box")
        with self.lock:
            wanted, found = self.quantity(reference), self.quantity(answer)
        if wanted is None or found is None:
            same = answer.strip() == reference.strip()
            reason = "same_text" if same else "no_quantity" if found is None else "no_quantity_in_reference"
            return dsk.Verdict(same, answer, reason)
        if wanted.dimensionality != found.dimensionality:
            return dsk.Verdict(correct=False, answer=answer, reason="other_dimension")
        equal = math.isclose(wanted.magnitude, found.magnitude, rel_tol=self.tolerance)
        return dsk.Verdict(equal, answer, "equal" if equal else "other_value")

    def quantity(self, text: str) -> Quantity[Any] | None:
        """The quantity in base units; None where the text is not a number and a unit."""
        from pint import PintError

        plain = simplified(text)
        number = NUMBER.match(plain) if plain is not None else None
        unit = unit_factors(plain[number.end() :]) if plain is not None and number else None
        if number is None or unit is None:
            return None
        value = float(number["mantissa"]) * 10.0 ** int(number["e"] or number["ten"] or 0)
        try:
            found = self.registry.Quantity(value, "*".join(f"{name}**{power}" for name, power in unit)).to_base_units()
        except (PintError, OverflowError, ZeroDivisionError):
            return None
        return found if math.isfinite(found.magnitude) else None


def last_box(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` of at most 160 characters whose braces balance, or None."""
    start = text.rfind("\\boxed{")
    depth = 0
    for place in range(start + 6, min(len(text), start + 8 + LONGEST)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 7 : place]
    return None


def simplified(text: str) -> str | None:
    """LaTeX and Unicode spellings in plain ones; None where the text is too long for a quantity."""
    if len(text) > LONGEST:
        return None
    for pattern, plain in LATEX:
        text = pattern.sub(plain, text)
    return re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", text).strip()


def unit_factors(text: str) -> list[tuple[str, int]] | None:
    """(name, power) of each factor of a unit such as `kg*m^2/s^3` or `J/(kg K)`; None where it is none."""
    text = text.replace("{", "").replace("}", "").strip()
    grouped = re.fullmatch(r"([^()/]*)/\s?\(([^()/]*)\)", text)
    if grouped:
        over, under = unit_factors(grouped[1]), unit_factors(grouped[2])
        return None if over is None or not under else over + [(name, -power) for name, power in under]
    factors: list[tuple[str, int]] = []
    place = 0
    while place < len(text):
        match = UNIT.match(text, place)
        if not match or match["join"].count("/") > 1:
            return None
        sign = -1 if "/" in match["join"] else 1
        factors.append((NAMES.get(match["name"], match["name"]), sign * int(match["power"] or 1)))
        place = match.end()
    return factors


@dsk.hookimpl
def register_verifiers(register: dsk.Register) -> None:
    register(Units)
