"""First solutions: a problem's rollout is started again and again until one verifies or the tokens are spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dsk.compare.fixed.counting import Counted
from dsk.compare.fixed.records import MEASURED, FirstSolution, read_first_solutions
from dsk.compare.fixed.settings import ExplorationSettings
from dsk.core.run.records import append_jsonl
from dsk.core.run.session import Session
from dsk.core.types import Problem

AT_ONCE = 32
"""Problems sampled together."""


@dataclass
class Search:
    """One problem so far."""

    problem: Problem
    tokens: int = 0
    jobs: int = 0
    first: int | None = None

    def add(self, job: Counted) -> None:
        """One more job, after those before it."""
        if job.first is not None:
            self.first = self.tokens + job.first
        self.tokens += job.sampled
        self.jobs += 1

    def goes_on(self, most: int) -> bool:
        """Whether there is no solution yet and something left to spend; a job that samples nothing is the last."""
        return self.first is None and self.tokens < most and (self.tokens > 0 or not self.jobs)


def measure_first_solutions(session: Session, settings: ExplorationSettings, problems: Sequence[Problem]) -> None:
    """Search the problems that are not in the folder yet."""
    done = len(read_first_solutions(session.folder))
    for start in range(done, len(problems), AT_ONCE):
        searches = [Search(problem) for problem in problems[start : start + AT_ONCE]]
        wave = 0
        while going := [s for s in searches if s.goes_on(settings.tokens)]:
            _search(session, going, wave)
            wave += 1
        rows = [FirstSolution(s.problem.id, s.first, s.tokens, s.jobs) for s in searches]
        append_jsonl(session.folder / MEASURED, map(asdict, rows))


def _search(session: Session, searches: Sequence[Search], wave: int) -> None:
    """One more job for each, of its own seed."""
    sampling, phase = session.sampling, "rollouts" if session.spec.rollout.values == "none" else "search"
    jobs = [Counted(sampling.job(s.problem, 0, wave, replay=False)) for s in searches]
    sampling.run(phase, jobs)
    for search, job in zip(searches, jobs, strict=True):
        search.add(job)
