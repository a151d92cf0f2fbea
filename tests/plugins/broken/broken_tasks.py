"""Tasks that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import random
from itertools import count
from typing import ClassVar

from dsk.core.roles import Task
from dsk.core.types import Problem
from dsk.testing import TaskContract

CALLS = count()


class Sound(Task):
    """Ten sums for each split: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    @property
    def identity(self) -> str:
        return "sound"

    def problems(self, split):
        first = 10 if split == "train" else 20
        return [Problem(f"{split}-{i}", f"{first}+{i}=", str(first + i)) for i in range(10)]


class BrokenTask(TaskContract):
    task: ClassVar[Task]

    def make_task(self):
        return self.task


class Empty(Sound):
    """Has no training problems."""

    def problems(self, split):
        return [] if split == "train" else super().problems(split)


class BreaksTraining(BrokenTask):
    caught_by = "test_there_are_training_problems"
    task = Empty()


class OneId(Sound):
    """Names every problem alike."""

    def problems(self, split):
        return [Problem("id", p.prompt, p.answer) for p in super().problems(split)]


class BreaksIds(BrokenTask):
    caught_by = "test_ids_are_unique_within_a_split"
    task = OneId()


class Shuffling(Sound):
    """Another order every time."""

    def problems(self, split):
        return random.Random(next(CALLS)).sample(super().problems(split), 10)


class BreaksOrder(BrokenTask):
    caught_by = "test_the_same_problems_come_in_the_same_order_every_time"
    task = Shuffling()


class Blank(Sound):
    """An answer is missing."""

    def problems(self, split):
        return [*super().problems(split), Problem("blank", "1+1=?", " ")]


class BreaksAnswers(BrokenTask):
    caught_by = "test_every_problem_has_a_prompt_and_an_answer_that_encode"
    task = Blank()


class Leaking(Sound):
    """Trains on the test problems."""

    def problems(self, split):
        return super().problems("test")


class BreaksTheSplit(BrokenTask):
    caught_by = "test_no_question_is_in_both_splits"
    task = Leaking()


class Nameless(Sound):
    """Another identity every time, so that no cache is ever found again."""

    @property
    def identity(self) -> str:
        return f"sound-{next(CALLS)}"


class BreaksIdentity(BrokenTask):
    caught_by = "test_the_identity_survives_a_dump_and_names_the_task"
    task = Nameless()
