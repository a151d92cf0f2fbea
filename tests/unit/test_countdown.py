"""`countdown` against a table of answers: value, numbers used, and text that is no expression."""

from __future__ import annotations

import pytest

from dsk.components.verifiers import CountdownVerifier
from dsk.core.errors import VerdictError
from dsk.core.types import Problem
from dsk.testing.verifier import VerifierContract

NUMBERS = [8, 3, 3]


class TestCountdown(VerifierContract):
    def make_verifier(self) -> CountdownVerifier:
        return CountdownVerifier(numbers=None)


def verdict(text, use="all", target="8", nums=NUMBERS):
    with CountdownVerifier(use=use).open() as session:
        return session.verify([(Problem("1", "q", target, {"nums": nums}), text)])[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\\boxed{8/3*3}", "equal"),
        ("\\boxed{8 \\times 3 \\div 3 = 8}", "equal"),
        ("<think>no</think><answer>(8*3)/3</answer>", "equal"),
        ("\\boxed{8+3-3}", "equal"),
        ("\\boxed{8*3-3}", "different"),
        ("\\boxed{8}", "other_numbers"),
        ("\\boxed{5+3}", "other_numbers"),
        ("\\boxed{8+3-3+3-3}", "other_numbers"),
        ("\\boxed{8/(3-3)}", "unparsable"),
        ("\\boxed{8**3}", "unparsable"),
        ("\\boxed{__import__('os')}", "unparsable"),
        ("\\boxed{" + "(" * 300 + "8}", "unparsable"),
        ("no answer", "no_answer"),
    ],
)
def test_the_expression_is_evaluated_and_its_numbers_counted(text, reason):
    found = verdict(text)
    assert (found.reason, found.correct) == (reason, reason == "equal")


def test_numbers_may_be_left_out_where_the_spec_says_so():
    assert verdict("\\boxed{8}", use="some").correct
    assert verdict("\\boxed{3+3+3}", use="some", target="9").reason == "other_numbers"


def test_a_problem_without_its_numbers_is_one_line():
    with pytest.raises(VerdictError, match=r"the column 'nums' of problem '1' is not a list of whole numbers"):
        verdict("\\boxed{8}", nums="8, 3, 3")
