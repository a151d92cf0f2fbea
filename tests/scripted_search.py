"""A policy that is a function of the path: what Hypothesis draws, every job sees in the same way."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.core.roles import Job, Known, Setting
from dsk.core.seeding import derive_seed
from dsk.core.spec import RewardSpec, SamplingSpec
from dsk.core.types import Problem, Question, Sample, Verdict

PROBLEM = Problem("p", "question", "answer")
NO_LIMIT = 1 << 30
AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass(frozen=True)
class ScriptedPolicy:
    """Samples and verdicts derived from (seed, path, child)."""

    seed: int
    terminal_share: float
    correct_share: float
    tie_share: float = 0.3
    empty_share: float = 0.1
    nan_share: float = 0.0

    def sample(self, prefix: tuple[int, ...], child: int) -> Sample:
        rng = random.Random(derive_seed(self.seed, prefix, child))
        length = 0 if rng.random() < self.empty_share else rng.randint(1, 5)
        logprob = -0.5 if rng.random() < self.tie_share else -rng.random() * 3
        if rng.random() < self.nan_share:
            logprob = float("nan")
        # the token names the child, so that every path has its own prefix
        tokens = tuple(1000 + child for _ in range(length))
        stop = "eos" if rng.random() < self.terminal_share else "length"
        return Sample(tokens, (logprob,) * length, stop, 0)

    def correct(self, response: Sequence[int]) -> bool:
        tokens = tuple(map(int, response))
        return random.Random(derive_seed(self.seed, "verdict", tokens)).random() < self.correct_share

    def verdict(self, question: Question) -> Verdict:
        return Verdict(self.correct(question.tokens), None, "script")


class ValuedPolicy(ScriptedPolicy):
    """A policy with a value head: values in tenths, so that some are equal."""

    def sample(self, prefix: tuple[int, ...], child: int) -> Sample:
        sample = super().sample(prefix, child)
        return replace(sample, values=self.values(prefix, child, len(sample.tokens)))

    def values(self, prefix: tuple[int, ...], child: int, count: int) -> tuple[float, ...]:
        rng = random.Random(derive_seed(self.seed, "values", prefix, child))
        return tuple(rng.randint(0, 10) / 10 for _ in range(count))


def pieces(tokens: Sequence[int]) -> list[str]:
    return [f"{token} " for token in tokens]


SETTING = Setting(SamplingSpec(), NO_LIMIT, RewardSpec().of, pieces)


def make_search(spec: Tree, seed: int = 0, problem: Problem = PROBLEM) -> TreeSearch:
    return TreeSearch(problem, Known((1, 2)), spec, seed, SETTING)


def advance(job: Job, policy: ScriptedPolicy) -> bool:
    """All that can run now, and the answers about it; False when the job is finished."""
    requests = job.requests()
    for request in requests:
        for question in job.deliver(request.id, [policy.sample(request.prefix, i) for i in range(request.n)]):
            job.answer(question.id, policy.verdict(question))
    return bool(requests)


def run(job: AnyJob, policy: ScriptedPolicy) -> AnyJob:
    while advance(job, policy):
        pass
    return job
