"""A job whose group says more of where it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dsk.core.roles import Job
from dsk.core.roles.rollout import Tokens
from dsk.core.types import Group, Question, Sample, SampleRequest, Verdict


class Counted:
    """`job` with further figures in its group's `stats`, and with what `learnt` makes of the group in its `history`."""

    def __init__(self, job: Job, figures: Mapping[str, float], learnt: Callable[[Group], Mapping[str, float]]) -> None:
        self.problem = job.problem
        self._job, self._figures, self._learnt = job, figures, learnt

    @property
    def given(self) -> Sequence[Tokens]:
        """The job's."""
        return self._job.given

    @property
    def open(self) -> bool:
        """The job's."""
        return self._job.open

    def requests(self) -> list[SampleRequest]:
        """The job's."""
        return self._job.requests()

    def deliver(self, request_id: str, samples: Sequence[Sample]) -> list[Question]:
        """Passed on."""
        return self._job.deliver(request_id, samples)

    def answer(self, question: int, answer: Verdict | float) -> None:
        """Passed on."""
        self._job.answer(question, answer)

    def group(self) -> Group:
        """The job's group, and what this knows of it."""
        group = self._job.group()
        history = {**group.history, **self._learnt(group)}
        return replace(group, stats={**group.stats, **self._figures}, history=history)
