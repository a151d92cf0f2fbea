"""Verifiers that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

from pydantic import Field

from dsk.core.roles import Verifier
from dsk.core.types import Verdict
from dsk.testing import VerifierContract

CALLS = count()
BOX = re.compile(r"\\boxed\{(-?[0-9]{1,40})\}")


class Sound(Verifier):
    """The last boxed whole number: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    @contextmanager
    def open(self):
        yield self.session()

    def session(self) -> Any:
        return Session()


class Session:
    def verify(self, items):
        return [self.judge(problem.answer, text) for problem, text in items]

    def judge(self, reference, text):
        found = BOX.findall(text[-300:])
        answer = found[-1] if found else None
        return Verdict(answer == reference, answer, "equal" if answer == reference else "different")


class BrokenVerifier(VerifierContract):
    session_class: ClassVar[type] = Session

    def make_verifier(self):
        made = self.session_class

        class Made(Sound):
            """A verifier with this mistake's session."""

            def session(self):
                return made()

        return Made()


class Refusing(Session):
    def judge(self, reference, text):
        return Verdict(False, None, "different")


class BreaksRightAnswers(BrokenVerifier):
    caught_by = "test_right_responses_are_correct"
    session_class = Refusing


class Accepting(Session):
    def judge(self, reference, text):
        return Verdict(bool(BOX.search(text)), None, "boxed")


class BreaksWrongAnswers(BrokenVerifier):
    caught_by = "test_wrong_responses_are_not_correct"
    session_class = Accepting


class Inverting(Session):
    def judge(self, reference, text):
        verdict = super().judge(reference, text)
        return replace(verdict, score=1.0 - verdict.score)


class BreaksTheOrderOfScores(BrokenVerifier):
    caught_by = "test_no_response_scores_above_a_right_one"
    session_class = Inverting


class BreaksGrades(BrokenVerifier):
    partial = (("4", "a box of \\boxed{5}", 0.5),)
    caught_by = "test_partly_right_responses_get_their_scores"


class Points(Session):
    def judge(self, reference, text):
        return replace(super().judge(reference, text), score=10.0)


class BreaksTheScale(BrokenVerifier):
    caught_by = "test_any_text_gets_a_verdict"
    session_class = Points


class NeedsOne(Session):
    def verify(self, items):
        return [super().verify([items[0]])[0], *super().verify(items[1:])]


class BreaksOnNothing(BrokenVerifier):
    caught_by = "test_no_items_give_no_verdicts"
    session_class = NeedsOne


class AsTheyFinish(Session):
    def verify(self, items):
        return sorted(super().verify(items), key=lambda verdict: verdict.correct)


class BreaksOrder(BrokenVerifier):
    caught_by = "test_verdicts_come_in_the_order_of_the_items"
    session_class = AsTheyFinish


class NoReason(Session):
    def judge(self, reference, text):
        verdict = super().judge(reference, text)
        return verdict if verdict.answer else Verdict(False, None, "")


class BreaksVerdicts(BrokenVerifier):
    caught_by = "test_any_text_gets_a_verdict"
    session_class = NoReason


class Encoding(Session):
    def judge(self, reference, text):
        text.encode()
        return super().judge(reference, text)


class BreaksOnHostileText(BrokenVerifier):
    caught_by = "test_the_hostile_corpus_gets_verdicts"
    session_class = Encoding


class Alternating(Session):
    def judge(self, reference, text):
        verdict = super().judge(reference, text)
        return Verdict(verdict.correct, verdict.answer, f"call_{next(CALLS)}")


class BreaksDeterminism(BrokenVerifier):
    caught_by = "test_equal_items_get_equal_verdicts"
    session_class = Alternating


class MainThreadOnly(Session):
    def judge(self, reference, text):
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("signal only works in main thread")
        return super().judge(reference, text)


class BreaksThreads(BrokenVerifier):
    caught_by = "test_it_works_from_other_threads"
    session_class = MainThreadOnly


class HiddenField(Sound):
    """A field that the spec leaves out."""

    window: int = Field(default=300, exclude=True, description="Characters.")


class BreaksTheSpecForm(BrokenVerifier):
    caught_by = "test_the_spec_form_gives_back_an_equal_component"

    def make_verifier(self):
        return HiddenField(window=10)


class BreaksReferences(VerifierContract):
    """It says of every reference that nothing can be judged by it."""

    caught_by = "test_the_references_of_right_responses_can_be_judged_by"

    def make_verifier(self):
        class Doubting(Sound):
            def can_judge(self, reference):
                return False

        return Doubting()
