"""`ScorerContract`: subclass it, say how to make your scorer, and pytest checks what every scorer promises."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Scorer, ScorerSession
from dsk.core.sampling.verdicts import is_share
from dsk.core.types import Problem
from dsk.testing.component import ComponentContract, quick
from dsk.testing.hostile import corpus, hostile_responses

Item = tuple[Problem, tuple[str, ...]]
PROBLEM = Problem("p", "What is 2+2?", "4")
STEPS: tuple[tuple[str, ...], ...] = (
    ("Two and two",),
    ("Two and two", " make four."),
    ("Five.",),
    ("First, 2+2 = 4.\n", "Then 4 = 2+2.\n", "So it is 4.\n"),
    ("7 7 7 7 7",),
)
ITEMS: tuple[Item, ...] = tuple((PROBLEM, steps) for steps in STEPS)


class ScorerContract(ComponentContract):
    """What every scorer promises: a number in [0, 1] or None for each step, whatever the text and the company.

    Give your scorer limits of a second or less where it has limits: the hostile corpus runs into them. Scores may
    differ by `tolerance` with what else is rated in the same call, as a batch changes the last bits of a sum.
    """

    tolerance: ClassVar[float] = 1e-4

    @abstractmethod
    def make_scorer(self) -> Scorer:
        """The scorer under test; each call gives an equal one."""

    def component(self) -> Scorer:
        """The scorer."""
        return self.make_scorer()

    @pytest.fixture(scope="class")
    @classmethod
    def session(cls) -> Iterator[ScorerSession]:
        """One open session for the whole class."""
        with cls().make_scorer().open() as session:
            yield session

    def test_no_items_give_no_scores(self, session: ScorerSession) -> None:
        assert list(session.rate([])) == []

    @quick
    @given(steps=st.lists(hostile_responses(), min_size=1, max_size=4))
    def test_any_text_gets_one_score_in_0_to_1_or_none(self, session: ScorerSession, steps: list[str]) -> None:
        scores = session.rate([(PROBLEM, tuple(steps)), *ITEMS])
        assert well_formed(scores, 1 + len(ITEMS)), f"not one number in [0, 1] or None for each step: {scores}"

    def test_the_hostile_corpus_gets_scores(self, session: ScorerSession) -> None:
        hostile = [(PROBLEM, ("Let us see. ", text)) for text in corpus().values()]
        assert well_formed(session.rate(hostile), len(hostile))

    def test_empty_steps_and_empty_prompts_are_taken(self, session: ScorerSession) -> None:
        empty = Problem("e", "", "")
        items: list[Item] = [(PROBLEM, ("",)), (PROBLEM, ("2", "")), (PROBLEM, ("", "2")), (empty, ("",))]
        assert well_formed(session.rate(items), len(items))

    def test_a_prompt_of_chat_messages_is_taken(self, session: ScorerSession) -> None:
        messages = ({"role": "system", "content": "Be short."}, {"role": "user", "content": "What is 2+2?"})
        assert well_formed(session.rate([(Problem("c", messages, "4"), ("It is 4.",))]), 1)

    @quick
    @given(order=st.permutations(range(len(ITEMS))))
    def test_scores_come_in_the_order_of_the_items(self, session: ScorerSession, order: Sequence[int]) -> None:
        scores, moved = session.rate(ITEMS), session.rate([ITEMS[i] for i in order])
        assert self.equal([scores[i] for i in order], moved), "the items in another order have other scores"

    def test_a_score_does_not_depend_on_what_else_is_rated(self, session: ScorerSession) -> None:
        alone = [session.rate([item])[0] for item in ITEMS]
        assert self.equal(alone, session.rate(ITEMS)), "a step has another score in company: rate each by itself"

    def test_equal_calls_give_equal_scores(self, session: ScorerSession) -> None:
        first = session.rate(ITEMS)
        session.rate(ITEMS[::-1][:2])
        assert list(session.rate(ITEMS)) == list(first), "the same call gave other scores: keep no state, draw nothing"

    def test_an_equal_scorer_gives_equal_scores(self, session: ScorerSession) -> None:
        with self.make_scorer().open() as other:
            assert self.equal(other.rate(ITEMS), session.rate(ITEMS)), "opened again it gave other scores"

    def test_it_works_from_other_threads(self, session: ScorerSession) -> None:
        expected = session.rate(ITEMS)
        with ThreadPoolExecutor(4) as threads:
            assert all(self.equal(expected, found) for found in threads.map(session.rate, [ITEMS] * 8))

    def equal(self, left: Sequence[float | None], right: Sequence[float | None]) -> bool:
        """Whether two lists of scores say the same, to `tolerance`."""
        pairs = list(zip(left, right, strict=True))
        return all(a == b if a is None or b is None else abs(a - b) <= self.tolerance for a, b in pairs)


def well_formed(scores: Any, count: int) -> bool:
    """Whether it is a list of that many numbers in [0, 1] or None."""
    right = isinstance(scores, list | tuple) and len(scores) == count
    return right and all(score is None or is_share(score) for score in scores)
