import pytest
from dsk_units import Units

from dsk.core.types import Problem
from dsk.testing import VerifierContract

EQUAL = [
    ("0.5 kg", "500 g"), ("9.81 m/s^2", r"9.81\,\text{m/s}^2"), ("9.81 m/s^2", r"9.8\ \mathrm{m\,s^{-2}}"),
    ("5 N", r"5\text{ kg}\cdot\text{m}/\text{s}^2"), ("3e8 m/s", r"3.0 \times 10^{8} \mathrm{m/s}"),
    ("25 °C", r"25^\circ\text{C}"), ("25 °C", "298.15 K"), ("4186 J/(kg K)", r"4.186\ \text{kJ}/(\text{kg K})"),
    ("4.7 kΩ", r"4700\ \Omega"), ("10 µF", r"10\ \mu\text{F}"), ("1 eV", "1.602e-19 J"), ("12", "12"), ("50 %", "0.5"),
    ("1500 W", "1,500 W"), ("-40 °F", "-40 °C"), ("180 °", r"3.1416\text{ rad}"), ("36 km/h", "10 m/s"),
    ("100 W", r"100\,\frac{J}{s}"),
]  # fmt: skip
DIFFERENT = [
    ("5 N", "5 J", "other_dimension"), ("0.5 kg", "0.5", "other_dimension"), ("12", "12 m", "other_dimension"),
    ("0.5 kg", "50 g", "other_value"), ("9.81 m/s^2", "-9.81 m/s^2", "other_value"), ("0 °C", "0 K", "other_value"),
    ("5 N", "five N", "no_quantity"), ("5 N", "5 Nn^9999999", "no_quantity"), ("5 N", "9**9**9**9", "no_quantity"),
    ("5 N", "5 N or 6 N", "no_quantity"), ("5 N", "", "no_quantity"), ("1 m", "1 m//s", "no_quantity"),
]  # fmt: skip


class TestUnits(VerifierContract):
    right = (
        *VerifierContract.right,
        ("9.81 m/s^2", "so $g = \\boxed{9.81\\,\\text{m/s}^2}$"),
        ("2 kN", "\\boxed{2000 N}"),
    )
    wrong = (*VerifierContract.wrong, ("5 N", "\\boxed{5 J}"), ("5 N", "5 N"), ("5 N", "\\boxed{5 \\text{N}"))

    def make_verifier(self):
        return Units()


def judged(reference, answer, **fields):
    with Units(**fields).open() as session:
        [verdict] = session.verify([(Problem("p", "?", reference), f"First \\boxed{{1}}, then \\boxed{{{answer}}}.")])
    return verdict


@pytest.mark.parametrize(("reference", "answer"), EQUAL)
def test_other_units_and_spellings_of_a_quantity_are_right(reference, answer):
    assert judged(reference, answer).correct, judged(reference, answer)


@pytest.mark.parametrize(("reference", "answer", "reason"), DIFFERENT)
def test_another_quantity_is_wrong_and_says_why(reference, answer, reason):
    verdict = judged(reference, answer)
    assert (verdict.correct, verdict.reason) == (False, reason)


def test_the_tolerance_is_relative():
    assert judged("100 m", "101 m").correct
    assert not judged("100 m", "102 m").correct
    assert judged("100 m", "109 m", tolerance=0.1).correct
    assert not judged("0 m", "0.001 m").correct
