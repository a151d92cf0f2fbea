"""Many jobs (trees, direct responses, whatever a rollout starts) on one engine; none waits for another.

A job says what can run now and what it wants to know; the scheduler keeps the engine full, and questions go to those
who answer them while it decodes. What a job becomes does not depend on the order in which anything finishes, so neither
does the result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dsk.core.errors import InterruptedRun
from dsk.core.roles import EngineSession, Job
from dsk.core.sampling.questions import Answerers, Asked, Questions
from dsk.core.types import Group, SampleRequest, Verdict, mean_reward


@dataclass(frozen=True)
class Progress:
    """How far a batch of jobs is: counts of jobs, tokens sampled so far, jobs with a correct answer."""

    done: int
    in_flight: int
    total: int
    tokens: int
    solved: int


PART = "part_"
"""Beginning of a group's statistics that are means of a verdict's parts."""


def _ignore(_: Progress) -> None:
    """No progress display."""


def _never() -> bool:
    return False


class Scheduler:
    """Runs jobs on an open engine; `answerers` answer what they ask.

    `sampled_tokens` counts the tokens of all samples that came back, `scored_tokens` those that a scorer read;
    `given` has what the requests of the jobs started from.
    """

    def __init__(
        self,
        engine: EngineSession,
        answerers: Answerers,
        tokens_in_flight: int,
        progress: Callable[[Progress], None] = _ignore,
        should_stop: Callable[[], bool] = _never,
    ) -> None:
        self.engine, self.answerers = engine, answerers
        self.tokens_in_flight, self.progress, self.should_stop = tokens_in_flight, progress, should_stop
        self.sampled_tokens = self.scored_tokens = 0
        self.given: list[tuple[int, ...]] = []

    def run(self, jobs: Sequence[Job]) -> list[Group]:
        """Drive every job to its end; their groups, in the order of `jobs`.

        Raises InterruptedRun when `should_stop` turns true; outstanding requests are cancelled.
        """
        with Questions(self.answerers) as questions:
            batch = _Batch(self, jobs, questions)
            try:
                while batch.advance():
                    self.progress(batch.status())
                    if self.should_stop():
                        raise InterruptedRun("interrupted while sampling")
            finally:
                batch.cancel()
            self.scored_tokens += questions.scored_tokens
        self.progress(batch.status())
        return [group for _, group in sorted(batch.groups.items())]


def request_cost(request: SampleRequest) -> int:
    """Most tokens that a request holds in the engine: its prefix once, and each sample's length."""
    return len(request.prefix) + request.n * request.max_tokens


class _Batch:
    """The state of one `Scheduler.run`."""

    def __init__(self, scheduler: Scheduler, jobs: Sequence[Job], questions: Questions) -> None:
        self.scheduler, self.jobs, self.questions = scheduler, jobs, questions
        self.groups: dict[int, Group] = {}
        self._started = 0
        self._ready: deque[tuple[int, SampleRequest]] = deque()
        self._requests: dict[str, tuple[int, SampleRequest]] = {}
        self._out = [0] * len(jobs)
        """Requests and questions of each job that have not come back."""
        self._held = 0
        self._parts: dict[int, dict[str, list[float]]] = {}
        """The scores of each part of the verdicts on each job."""

    def status(self) -> Progress:
        solved = sum(group.solved for group in self.groups.values())
        return Progress(len(self.groups), len(self._requests), len(self.jobs), self.scheduler.sampled_tokens, solved)

    def cancel(self) -> None:
        for name in list(self._requests):
            self.scheduler.engine.cancel(name)

    def advance(self) -> bool:
        """Start what fits, let the engine finish something, and move those jobs on. False when all is done.

        As many times as the engine is polled, however long answers take.
        """
        self._admit()
        if not (self._requests or self.questions):
            return False
        moved = self._sample() if self._requests else []
        self._move_on(moved, wait=False)
        while self.questions and not (self._requests or self._ready or self._started < len(self.jobs)):
            self._move_on([], wait=True)
        return True

    def _move_on(self, moved: list[int], wait: bool) -> None:
        """Give the answers that are due to their jobs, and take the next requests of all that moved."""
        for answered in self.questions.hear(wait):
            self.jobs[answered.job].answer(answered.question.id, answered.answer)
            self._keep_parts(answered.job, answered.answer)
            self._out[answered.job] -= 1
            moved.append(answered.job)
        for index in dict.fromkeys(moved):
            self._continue(index)

    def _keep_parts(self, job: int, answer: Verdict | float) -> None:
        """Remember what a verdict's score is made of, for the job's group."""
        if isinstance(answer, Verdict):
            for name, score in answer.parts:
                self._parts.setdefault(job, {}).setdefault(name, []).append(score)

    def _sample(self) -> list[int]:
        """Let the engine finish something; the jobs it was for."""
        moved: list[int] = []
        asked: list[Asked] = []
        for completion in self.scheduler.engine.poll():
            index, request = self._requests.pop(completion.request_id)
            self._held -= request_cost(request)
            self.scheduler.sampled_tokens += sum(len(sample.tokens) for sample in completion.samples)
            questions = self.jobs[index].deliver(request.id, completion.samples)
            self._out[index] += len(questions) - 1
            asked += [Asked(index, self.jobs[index], question) for question in questions]
            moved.append(index)
        self.questions.ask(asked)
        return moved

    def _continue(self, index: int) -> None:
        """Take the job's next requests; its group where nothing is out and nothing more is asked for."""
        requests = self.jobs[index].requests()
        self._ready.extend((index, request) for request in requests)
        self._out[index] += len(requests)
        if not self._out[index]:
            group, parts = self.jobs[index].group(), self._parts.pop(index, {})
            means = {f"{PART}{name}": mean_reward(scores) for name, scores in parts.items()}
            self.groups[index] = replace(group, stats={**group.stats, **means}) if means else group

    def _admit(self) -> None:
        """Submit what the bound allows: running jobs first, then new ones. A lone request may exceed the bound."""
        while self._ready or self._start_next():
            index, request = self._ready[0]
            if self._requests and self._held + request_cost(request) > self.scheduler.tokens_in_flight:
                return
            self._ready.popleft()
            self._requests[request.id] = (index, request)
            self._held += request_cost(request)
            self.scheduler.engine.submit(request)

    def _start_next(self) -> bool:
        """Make the next new job ready; jobs that need no sampling are done at once. False when none is left."""
        while self._started < len(self.jobs):
            index, self._started = self._started, self._started + 1
            self._continue(index)
            if self._ready:
                self.scheduler.given += self.jobs[index].given
                return True
        return False
