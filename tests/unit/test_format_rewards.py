"""Format rewards, and the share of each part of `weighted` on its way into the records."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dsk.components.verifiers import BoxedVerifier, WeightedVerifier
from dsk.components.verifiers.language import LanguageVerifier
from dsk.components.verifiers.length import LengthVerifier
from dsk.components.verifiers.tags import TagsVerifier
from dsk.core.errors import VerdictError
from dsk.core.sampling.verdicts import judge
from dsk.core.types import Problem, Verdict

PROBLEM = Problem("1", "q", "4")


def score(verifier, text):
    with verifier.open() as session:
        return judge(session, [(PROBLEM, text)])[0].score


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("<think>a</think>\n<answer>4</answer>", False, 1),
        (" <think></think><answer></answer> ", False, 1),
        ("<think>a</think><answer>4</answer> so", False, 0),
        ("so <think>a</think><answer>4</answer>", False, 0),
        ("<think>a</think> so <answer>4</answer>", False, 0),
        ("<answer>4</answer><think>a</think>", False, 0),
        ("<think>a<think>b</think><answer>4</answer>", False, 0),
        ("<think>a</think>", False, 0),
        ("", False, 0),
        ("a</think><answer>4</answer>", True, 1),
        ("a</think> so <answer>4</answer>", True, 0),
        ("a</think><answer>4</answer> so", True, 0),
        ("<think>a</think><answer>4</answer>", True, 0),
    ],
)
def test_tags_stand_once_in_order_with_nothing_outside(text, opened, expected):
    assert score(TagsVerifier(opened=opened), text) == expected


@pytest.mark.parametrize(("length", "expected"), [(0, 1), (10, 1), (15, 0.5), (20, 0), (99, 0)])
def test_length_falls_in_a_straight_line_from_free_to_most(length, expected):
    assert score(LengthVerifier(free=10, most=20), "x" * length) == expected


def test_length_without_room_between_is_refused():
    with pytest.raises(ValidationError, match="free = 9 must be less than most = 9"):
        LengthVerifier(free=9, most=9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("so x = 4", 1), ("", 1), ("12 + 3", 1), ("\\frac{1}{2}", 1), ("ab\u6240\u4ee5", 0.5), ("\u6240<think>\u4ee5", 0)],
)
def test_language_is_the_share_of_letters_in_its_scripts(text, expected):
    assert score(LanguageVerifier(), text) == expected


def test_weighted_gives_the_score_of_each_part_by_a_name_of_its_own():
    parts = [
        {"verifier": BoxedVerifier(), "name": "right", "weight": 3},
        {"verifier": TagsVerifier()},
        {"verifier": TagsVerifier(tags=("a",))},
    ]
    with WeightedVerifier.model_validate({"parts": parts}).open() as session:
        (verdict,) = session.verify([(PROBLEM, "<a>\\boxed{4}</a>")])
    assert dict(verdict.parts) == {"right": 1.0, "tags": 0.0, "tags_2": 1.0}
    assert verdict.score == 0.8


def test_a_part_that_is_no_share_is_refused():
    class Wrong:
        def verify(self, items):
            return [Verdict(True, None, "x", 1.0, (("a", 2.0),)) for _ in items]

    with pytest.raises(VerdictError, match="parts = "):
        judge(Wrong(), [(PROBLEM, "")])
