"""`TaskContract`: subclass it, say how to make your task, and pytest checks what every task promises."""

from __future__ import annotations

from abc import abstractmethod
from itertools import islice
from typing import Literal

import pytest

from dsk.core.roles import Task
from dsk.core.types import Problem
from dsk.testing.component import ComponentContract

Split = Literal["train", "test"]


class TaskContract(ComponentContract):
    """What every task promises. Override `make_task`; `sample` is how many problems of a split are looked at."""

    sample = 300

    @abstractmethod
    def make_task(self) -> Task:
        """The task under test; each call gives an equal one."""

    def component(self) -> Task:
        """The task."""
        return self.make_task()

    def first(self, split: Split) -> list[Problem]:
        """The first `sample` problems of a split."""
        return list(islice(self.make_task().problems(split), self.sample))

    def test_there_are_training_problems(self) -> None:
        assert self.first("train")

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_ids_are_unique_within_a_split(self, split: Split) -> None:
        names = [problem.id for problem in self.first(split)]
        assert len(set(names)) == len(names)

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_the_same_problems_come_in_the_same_order_every_time(self, split: Split) -> None:
        task = self.make_task()
        stream = task.problems(split)
        once = list(islice(stream, self.sample))
        assert once == list(islice(task.problems(split), self.sample)) == self.first(split)

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_every_problem_has_a_prompt_and_an_answer_that_encode(self, split: Split) -> None:
        for problem in self.first(split):
            messages = [problem.prompt] if isinstance(problem.prompt, str) else [m["content"] for m in problem.prompt]
            assert problem.id
            assert all(text.encode("utf-8").strip() for text in (*messages, problem.answer))

    def test_no_question_is_in_both_splits(self) -> None:
        trained = {str(problem.prompt) for problem in self.first("train")}
        assert not [problem.id for problem in self.first("test") if str(problem.prompt) in trained]

    def test_the_identity_survives_a_dump_and_names_the_task(self) -> None:
        task = self.make_task()
        again = type(task).model_validate({k: v for k, v in task.dump().items() if k != "kind"})
        assert task.identity == again.identity == self.make_task().identity
        assert task.identity.strip()
