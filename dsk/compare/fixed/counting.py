"""A job that is watched: what it sampled, was given, and how many tokens it took to its first solution."""

from __future__ import annotations

from collections.abc import Sequence

from dsk.core.roles import Job
from dsk.core.types import Group, Question, Sample, SampleRequest, Verdict


class Counted:
    """Any job, unchanged, with its tokens counted as if samples had been drawn one after the other, as they came back.

    `first` is the count up to and with the sample whose response was the first to verify, so that responses asked for
    in one request are worth as much as ones asked for singly.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.problem = job, job.problem
        self.sampled = 0
        self.first: int | None = None
        self._asked_at: dict[int, int] = {}

    @property
    def given(self) -> Sequence[tuple[int, ...]]:
        """The job's."""
        return self.job.given

    @property
    def open(self) -> bool:
        """The job's."""
        return self.job.open

    def requests(self) -> list[SampleRequest]:
        """The job's."""
        return self.job.requests()

    def deliver(self, request_id: str, samples: Sequence[Sample]) -> list[Question]:
        """Count the samples, each question at the sample that it is about."""
        questions = self.job.deliver(request_id, samples)
        before, waiting = self.sampled, list(questions)
        for sample in samples:
            self.sampled += len(sample.tokens)
            about = next((q for q in waiting if is_about(q, sample)), None)
            if about is not None:
                waiting.remove(about)
                self._asked_at[about.id] = self.sampled
        whole = before + sum(len(sample.tokens) for sample in samples)
        self._asked_at |= {question.id: whole for question in waiting}
        return questions

    def answer(self, question: int, answer: Verdict | float) -> None:
        """Note the first solution."""
        if isinstance(answer, Verdict) and answer.correct:
            at = self._asked_at[question]
            self.first = at if self.first is None else min(self.first, at)
        self.job.answer(question, answer)

    def group(self) -> Group:
        """The job's."""
        return self.job.group()


def is_about(question: Question, sample: Sample) -> bool:
    """Whether the question's response ends with the sample."""
    return tuple(question.tokens[-len(sample.tokens) :]) == tuple(sample.tokens) if sample.tokens else False
