"""Scorers that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import count
from typing import Any, ClassVar

from dsk.core.roles import Scorer
from dsk.testing import ScorerContract

OPENED = count()


class Sound(Scorer):
    """Share of digits in the last step: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    @contextmanager
    def open(self):
        yield self.session()

    def session(self) -> Any:
        return Session()


class Session:
    def rate(self, items):
        return [self.score(problem, steps) for problem, steps in items]

    def score(self, problem, steps):
        text = steps[-1]
        return sum(character.isdigit() for character in text) / max(len(text), 1)


class BrokenScorer(ScorerContract):
    session_class: ClassVar[type] = Session

    def make_scorer(self):
        made = self.session_class

        class Made(Sound):
            """A scorer with this mistake's session."""

            def session(self):
                return made()

        return Made()


class NeedsOne(Session):
    def rate(self, items):
        return [super().rate([items[0]])[0], *super().rate(items[1:])]


class BreaksOnNothing(BrokenScorer):
    caught_by = "test_no_items_give_no_scores"
    session_class = NeedsOne


class Logits(Session):
    def score(self, problem, steps):
        return 4 * super().score(problem, steps) - 2


class BreaksTheRange(BrokenScorer):
    caught_by = "test_any_text_gets_one_score_in_0_to_1_or_none"
    session_class = Logits


class Encoding(Session):
    def score(self, problem, steps):
        steps[-1].encode()
        return super().score(problem, steps)


class BreaksOnHostileText(BrokenScorer):
    caught_by = "test_the_hostile_corpus_gets_scores"
    session_class = Encoding


class Dividing(Session):
    def score(self, problem, steps):
        return sum(character.isdigit() for character in steps[-1]) / len(steps[-1])


class BreaksOnEmptySteps(BrokenScorer):
    caught_by = "test_empty_steps_and_empty_prompts_are_taken"
    session_class = Dividing


class PlainOnly(Session):
    def score(self, problem, steps):
        return super().score(problem, (problem.prompt + steps[-1],))


class BreaksOnMessages(BrokenScorer):
    caught_by = "test_a_prompt_of_chat_messages_is_taken"
    session_class = PlainOnly


class LongestFirst(Session):
    def rate(self, items):
        return super().rate(sorted(items, key=lambda item: -len(item[1][-1])))


class BreaksOrder(BrokenScorer):
    caught_by = "test_scores_come_in_the_order_of_the_items"
    session_class = LongestFirst


class Relative(Session):
    def rate(self, items):
        scores = super().rate(items)
        return [score / max([*scores, 1e-9]) for score in scores]


class BreaksByCompany(BrokenScorer):
    caught_by = "test_a_score_does_not_depend_on_what_else_is_rated"
    session_class = Relative


class Remembering(Session):
    def __init__(self):
        self.seen = 0

    def score(self, problem, steps):
        self.seen += 1
        return super().score(problem, steps) / self.seen


class BreaksDeterminism(BrokenScorer):
    caught_by = "test_equal_calls_give_equal_scores"
    session_class = Remembering


class Unseeded(Session):
    def __init__(self):
        self.weight = 1 / (1 + next(OPENED))

    def score(self, problem, steps):
        return self.weight * super().score(problem, steps)


class BreaksReopening(BrokenScorer):
    caught_by = "test_an_equal_scorer_gives_equal_scores"
    session_class = Unseeded


class MainThreadOnly(Session):
    def score(self, problem, steps):
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("signal only works in main thread")
        return super().score(problem, steps)


class BreaksThreads(BrokenScorer):
    caught_by = "test_it_works_from_other_threads"
    session_class = MainThreadOnly
