"""Many jobs (trees or direct rollouts) on one engine; none waits for another.

A job whose request returns moves on at once; new jobs start as tokens in flight allow. What a job becomes does not
depend on the order in which requests finish, so neither does the result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dsk.core.errors import InterruptedRun
from dsk.core.roles import EngineSession, VerifierSession
from dsk.core.sampling.verdicts import judge
from dsk.core.types import Group, Problem, Sample, SampleRequest, Verdict


class Job(Protocol):
    """What the scheduler drives: `TreeSearch` and `DirectRollouts`."""

    problem: Problem

    def next_request(self) -> SampleRequest | None: ...
    def apply(self, samples: Sequence[Sample]) -> list[int]: ...
    def judge(self, verdicts: Sequence[Verdict]) -> None: ...
    def response(self, index: int, /) -> list[int]: ...
    def group(self) -> Group: ...


@dataclass(frozen=True)
class Progress:
    """How far a batch of jobs is: counts of jobs, tokens sampled so far, jobs with a correct answer."""

    done: int
    in_flight: int
    total: int
    tokens: int
    solved: int


def _ignore(_: Progress) -> None:
    """No progress display."""


def _never() -> bool:
    return False


class Scheduler:
    """Runs jobs on an open engine and verifier. `decode` turns response tokens into the text that is verified.

    `sampled_tokens` counts the tokens of all samples that came back; `prompts` has the prefix of each job's first
    request.
    """

    def __init__(
        self,
        engine: EngineSession,
        verifier: VerifierSession,
        decode: Callable[[Sequence[int]], str],
        tokens_in_flight: int,
        progress: Callable[[Progress], None] = _ignore,
        should_stop: Callable[[], bool] = _never,
    ) -> None:
        self.engine, self.verifier, self.decode = engine, verifier, decode
        self.tokens_in_flight, self.progress, self.should_stop = tokens_in_flight, progress, should_stop
        self.sampled_tokens = 0
        self.prompts: list[tuple[int, ...]] = []

    def run(self, jobs: Sequence[Job]) -> list[Group]:
        """Drive every job to its end; their groups, in the order of `jobs`.

        Raises InterruptedRun when `should_stop` turns true; outstanding requests are cancelled.
        """
        batch = _Batch(self, jobs)
        try:
            while batch.advance():
                self.progress(batch.status())
                if self.should_stop():
                    raise InterruptedRun("interrupted while sampling")
        finally:
            batch.cancel()
        self.progress(batch.status())
        return [group for _, group in sorted(batch.groups.items())]


def request_cost(request: SampleRequest) -> int:
    """Most tokens that a request holds in the engine: its prefix once, and each sample's length."""
    return len(request.prefix) + request.n * request.max_tokens


class _Batch:
    """The state of one `Scheduler.run`."""

    def __init__(self, scheduler: Scheduler, jobs: Sequence[Job]) -> None:
        self.scheduler, self.jobs = scheduler, jobs
        self.groups: dict[int, Group] = {}
        self._waiting = iter(range(len(jobs)))
        self._ready: deque[tuple[int, SampleRequest]] = deque()
        self._requests: dict[str, tuple[int, SampleRequest]] = {}
        self._held = 0

    def status(self) -> Progress:
        solved = sum(group.solved for group in self.groups.values())
        return Progress(len(self.groups), len(self._requests), len(self.jobs), self.scheduler.sampled_tokens, solved)

    def cancel(self) -> None:
        for name in list(self._requests):
            self.scheduler.engine.cancel(name)

    def advance(self) -> bool:
        """Start what fits, let the engine finish something, and move those jobs on. False when all is done."""
        self._admit()
        if not self._requests:
            return False
        returned: list[tuple[int, list[int]]] = []
        for completion in self.scheduler.engine.poll():
            index, request = self._requests.pop(f"{completion.request_id}")
            self._held -= request_cost(request)
            self.scheduler.sampled_tokens += sum(len(sample.tokens) for sample in completion.samples)
            returned.append((index, self.jobs[index].apply(completion.samples)))
        self._judge(returned)
        for index, _ in returned:
            self._continue(index)
        return True

    def _judge(self, returned: Iterable[tuple[int, list[int]]]) -> None:
        """Verify the terminals of all returned jobs in one batch."""
        pairs = [(index, terminal) for index, terminals in returned for terminal in terminals]
        if not pairs:
            return
        items = [(self.jobs[i].problem, self.scheduler.decode(self.jobs[i].response(t))) for i, t in pairs]
        verdicts = judge(self.scheduler.verifier, items)
        by_job: dict[int, list[Verdict]] = {}
        for (index, _), verdict in zip(pairs, verdicts, strict=True):
            by_job.setdefault(index, []).append(verdict)
        for index, found in by_job.items():
            self.jobs[index].judge(found)

    def _continue(self, index: int) -> None:
        request = self.jobs[index].next_request()
        if request is None:
            self.groups[index] = self.jobs[index].group()
        else:
            self._ready.append((index, request))

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
        for index in self._waiting:
            self._continue(index)
            if self._ready:
                self.scheduler.prompts.append(self._ready[-1][1].prefix)
                return True
        return False
