"""What jobs want to know, answered beside the engine's decoding: verdicts by the verifier, step scores by the scorer.

When an answer that may lead to another request is taken in decides which requests are decoded together, and so the
last bits of their log-probabilities. Where the engine is repeatable it is therefore taken in at a fixed point, after so
many further polls of the engine, and waited for; other answers, and all of an engine that is not, are taken in as they
come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from itertools import accumulate, pairwise, takewhile
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self

from dsk.core.roles import Job, ScorerSession, VerifierSession
from dsk.core.sampling.verdicts import judge, rate
from dsk.core.types import Question, Verdict


@dataclass(frozen=True)
class Answerers:
    """Who answers, and how tokens become the text they read. `repeatable` is the engine's.

    `polls` is how many polls of a repeatable engine decode beside an answer that a job waits for.
    """

    verifier: VerifierSession
    decode: Callable[[Sequence[int]], str]
    scorer: ScorerSession | None = None
    repeatable: bool = True
    polls: int = 1

    def verdicts(self, asked: Sequence[Asked]) -> list[Verdict]:
        """One verdict a question."""
        return judge(self.verifier, [(a.job.problem, self.decode(a.question.tokens)) for a in asked])

    def scores(self, asked: Sequence[Asked]) -> list[float]:
        """One score a question, that of its last step."""
        assert self.scorer is not None
        return rate(self.scorer, [(a.job.problem, self._steps(a.question)) for a in asked])

    def _steps(self, question: Question) -> tuple[str, ...]:
        """The text of each step, so that they make up the text of the whole.

        A character whose tokens lie in two steps belongs to the later one.
        """
        whole, cuts = self.decode(question.tokens), [0]
        for end in accumulate(question.steps[:-1]):
            cuts.append(max(cuts[-1], _shared(self.decode(question.tokens[:end]), whole)))
        return tuple(whole[start:end] for start, end in pairwise([*cuts, len(whole)]))


def _shared(text: str, whole: str) -> int:
    """Characters at the beginning of `whole` that `text` has too; half a character decodes to something else."""
    if whole.startswith(text):
        return len(text)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, whole, strict=False)))


@dataclass(frozen=True)
class Asked:
    """A question with the job that asked and its place among the jobs."""

    index: int
    job: Job
    question: Question


@dataclass(frozen=True)
class Answered:
    """A question, the place of the job that asked, and the answer."""

    job: int
    question: Question
    answer: Verdict | float


@dataclass
class _Batch:
    asked: list[Asked]
    answers: Future[Any]
    gating: bool
    age: int = 0


class Answering:
    """A thread that answers one batch after another; a daemon, for which no process that ends waits."""

    def __init__(self) -> None:
        self._batches: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._answer_all, name="dsk-answers", daemon=True)
        self._thread.start()

    def submit(self, answer: Callable[[Sequence[Asked]], Any], batch: Sequence[Asked]) -> Future[Any]:
        """Its answers, once there; what `answer` raises is raised where they are asked for."""
        answers: Future[Any] = Future()
        self._batches.put((lambda: answer(batch), answers))
        return answers

    def _answer_all(self) -> None:
        while (taken := self._batches.get()) is not None:
            answer, answers = taken
            if answers.set_running_or_notify_cancel():
                try:
                    answers.set_result(answer())
                except BaseException as error:  # noqa: BLE001 - raised again by `answers.result`
                    answers.set_exception(error)

    def wait_for(self, answers: Future[Any]) -> Any:
        """A batch's answers, or what answering it raised. Signals are heard meanwhile."""
        while not wait([answers], LISTEN_SECONDS).done:
            pass
        return answers.result()

    def close(self, finish: bool) -> None:
        """Take no more; with `finish`, wait for what is being answered. Signals are heard meanwhile."""
        self._batches.put(None)
        while finish and self._thread.is_alive():
            self._thread.join(LISTEN_SECONDS)


class Questions:
    """Questions that are out; a context manager, which waits for the answer under way unless it must end at once."""

    def __init__(self, answerers: Answerers) -> None:
        self.answerers = answerers
        self.scored_tokens = 0
        self._out: deque[_Batch] = deque()
        self._answering = Answering()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        for batch in self._out:
            batch.answers.cancel()
        self._answering.close(finish=kind is None or issubclass(kind, Exception))

    def __bool__(self) -> bool:
        return bool(self._out)

    def ask(self, asked: Sequence[Asked]) -> None:
        """Pass questions on; those that hold up a job go first."""
        for gating in (True, False):
            for kind, answer in (("verdict", self.answerers.verdicts), ("score", self.answerers.scores)):
                batch = [a for a in asked if a.question.ask == kind and a.job.open == gating]
                if batch:
                    self._out.append(_Batch(batch, self._answering.submit(answer, batch), gating))
                if kind == "score":
                    self.scored_tokens += sum(a.question.steps[-1] for a in batch)

    def hear(self, wait: bool) -> Iterator[Answered]:
        """Take in what is due; with `wait`, when nothing is decoded, all that holds up a job, or else the oldest."""
        due = [batch for batch in self._out if self._is_due(batch, wait)]
        if wait and not due and self._out:
            due = [self._out[0]]
        for batch in due:
            self._out.remove(batch)
            for asked, answer in zip(batch.asked, self._answering.wait_for(batch.answers), strict=True):
                yield Answered(asked.index, asked.question, answer)

    def _is_due(self, batch: _Batch, wait: bool) -> bool:
        batch.age += 1
        if batch.gating and self.answerers.repeatable:
            return wait or batch.age > self.answerers.polls
        return batch.answers.done()


LISTEN_SECONDS = 0.5
"""How long a wait goes on at most before python may run a signal's handler: a signal that comes just as the wait begins
does not end it."""
