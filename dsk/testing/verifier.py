"""`VerifierContract`: subclass it, say how to make your verifier, and pytest checks what every verifier promises."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsk.core.roles import Verifier, VerifierSession
from dsk.core.sampling.verdicts import is_share
from dsk.core.types import Problem, Verdict
from dsk.testing.component import ComponentContract
from dsk.testing.hostile import corpus, hostile_responses

# a contract is inherited on purpose, so one property runs in several classes
quick: settings = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow]
)


def item(gold: str, response: str) -> tuple[Problem, str]:
    """A problem with the reference `gold`, and a response to it."""
    return Problem("p", "What is it?", gold), response


class VerifierContract(ComponentContract):
    """Every verifier: right and wrong told apart, order kept, hostile text survived, the spec a value.

    `right` and `wrong` are (reference, response) pairs that yours must accept and refuse; the defaults are whole
    numbers in a box. `partial` are (reference, response, score) where yours grades. Give your verifier limits of a
    second or less: the hostile corpus runs into them.
    """

    right: ClassVar[tuple[tuple[str, str], ...]] = (("4", "2+2 is \\boxed{4}"), ("-7", "Hence $\\boxed{-7}$."))
    wrong: ClassVar[tuple[tuple[str, str], ...]] = (("4", "2+2 is \\boxed{5}"), ("-7", "\\boxed{7}"), ("4", "no idea"))

    partial: ClassVar[tuple[tuple[str, str, float], ...]] = ()

    @abstractmethod
    def make_verifier(self) -> Verifier:
        """The verifier under test."""

    def component(self) -> Verifier:
        """The verifier."""
        return self.make_verifier()

    @pytest.fixture(scope="class")
    @classmethod
    def session(cls) -> Iterator[VerifierSession]:
        """One open session for the whole class."""
        with cls().make_verifier().open() as session:
            yield session

    def test_right_responses_are_correct(self, session: VerifierSession) -> None:
        verdicts = session.verify([item(*pair) for pair in self.right])
        assert [pair for pair, verdict in zip(self.right, verdicts, strict=True) if not verdict.correct] == []

    def test_wrong_responses_are_not_correct(self, session: VerifierSession) -> None:
        verdicts = session.verify([item(*pair) for pair in self.wrong])
        assert [pair for pair, verdict in zip(self.wrong, verdicts, strict=True) if verdict.correct] == []

    def test_partly_right_responses_get_their_scores(self, session: VerifierSession) -> None:
        verdicts = session.verify([item(gold, response) for gold, response, _ in self.partial])
        assert [v.score for v in verdicts] == pytest.approx([score for *_, score in self.partial], abs=1e-6)

    def test_no_response_scores_above_a_right_one(self, session: VerifierSession) -> None:
        others = [*self.wrong, *((gold, response) for gold, response, _ in self.partial)]
        right, rest = (session.verify([item(*pair) for pair in pairs]) for pairs in (self.right, others))
        assert min(v.score for v in right) >= max(v.score for v in rest)

    def test_the_references_of_right_responses_can_be_judged_by(self) -> None:
        verifier = self.make_verifier()
        assert [gold for gold, _ in self.right if not verifier.can_judge(gold)] == []

    def test_no_items_give_no_verdicts(self, session: VerifierSession) -> None:
        assert session.verify([]) == []

    @quick
    @given(data=st.data())
    def test_verdicts_come_in_the_order_of_the_items(self, session: VerifierSession, data: st.DataObject) -> None:
        known = [(pair, True) for pair in self.right] + [(pair, False) for pair in self.wrong]
        drawn = data.draw(st.lists(st.sampled_from(known), max_size=12))
        verdicts = session.verify([item(*pair) for pair, _ in drawn])
        assert [verdict.correct for verdict in verdicts] == [correct for _, correct in drawn]

    @quick
    @given(response=hostile_responses())
    def test_any_text_gets_a_verdict(self, session: VerifierSession, response: str) -> None:
        gold, good = self.right[0]
        hostile, honest = session.verify([item(gold, response), item(gold, good)])
        assert well_formed(hostile)
        assert honest.correct

    def test_the_hostile_corpus_gets_verdicts(self, session: VerifierSession) -> None:
        gold, good = self.right[0]
        responses = list(corpus().values())
        verdicts = session.verify([item(gold, text) for response in responses for text in (response, good)])
        assert all(map(well_formed, verdicts))
        assert all(verdict.correct for verdict in verdicts[1::2])

    def test_equal_items_get_equal_verdicts(self, session: VerifierSession) -> None:
        items = [item(*pair) for pair in (*self.right, *self.wrong)]
        assert session.verify(items) == session.verify(items)

    def test_it_works_from_other_threads(self, session: VerifierSession) -> None:
        items = [item(*pair) for pair in (*self.right, *self.wrong)]
        with ThreadPoolExecutor(4) as threads:
            assert len(set(map(tuple, threads.map(session.verify, [items] * 8)))) == 1


def well_formed(verdict: Verdict) -> bool:
    """Whether a verdict has the documented types, a score from 0 to 1 and a reason."""
    return (
        is_share(verdict.score)
        and isinstance(verdict.correct, bool)
        and (verdict.answer is None or isinstance(verdict.answer, str))
        and isinstance(verdict.reason, str)
        and bool(verdict.reason)
    )
