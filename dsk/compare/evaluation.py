"""A model's answers to a test set, and what they are worth: pass@k, majority@k, length, truncation."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.errors import DataError
from dsk.core.roles import Known, Setting
from dsk.core.run.estimates import SHARE, Estimate, estimate
from dsk.core.run.judged_model import load_judged
from dsk.core.run.references import check_references
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.responses import Responses
from dsk.core.sampling.scheduler import Progress, Scheduler
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec, SamplingSpec
from dsk.core.types import Group, Problem

if TYPE_CHECKING:
    from dsk.core.model.policy import Policy

MAJORITY_DRAWS = 200


@dataclass(frozen=True)
class Answered:
    """All samples of one problem; the tuples have one entry a sample.

    `scores` are in [0, 1]; none given: nobody graded.
    """

    problem: Problem
    texts: tuple[str, ...]
    answers: tuple[str | None, ...]
    correct: tuple[bool, ...]
    lengths: tuple[int, ...]
    truncated: tuple[bool, ...]
    scores: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Share of correct samples."""
        return sum(self.correct) / max(len(self.correct), 1)

    @property
    def graded(self) -> bool:
        """Whether the scores say more than `correct`."""
        return bool(self.scores) and self.scores != tuple(map(float, self.correct))


@dataclass(frozen=True)
class Scores:
    """One model on one test set. `pass_at` and `majority_at` are by k; `length` is in tokens.

    `mean_score` is None where scores say no more than what is correct.
    """

    pass_at_1: Estimate
    pass_at: dict[int, float]
    majority_at: dict[int, float]
    length: float
    truncated: float
    problems: int
    samples: int
    mean_score: float | None = None


def answer_all(
    spec: RunSpec,
    model: str | None,
    problems: Sequence[Problem],
    samples: int,
    sampling: SamplingSpec,
    progress: Callable[[Progress], None] = lambda _: None,
) -> list[Answered]:
    """Sample `samples` responses to every problem with the spec's engine, prompt and verifier, and judge them.

    `model` is a model directory, hub id or bundled name, a checkpoint of a run, or a finished run's folder;
    None is the spec's own.
    """
    check_references(spec, "test", problems)
    policy = load_judged(spec.model, model)
    jobs = []
    for problem in problems:
        prompt = policy.prompt_tokens(problem, spec.prompt)
        room = min(spec.max_response_tokens, policy.max_length - len(prompt))
        if room < 1:
            raise DataError(f"task: problem '{problem.id}' fills the model's context of {policy.max_length} tokens")
        seed = derive_seed(spec.seed, "eval", problem.id)
        setting = Setting(sampling, room, attrgetter("score"), policy.pieces)  # nothing is trained: rewards are scores
        jobs.append(Responses(problem, Known(prompt), samples, seed, setting))
    with spec.engine.open(policy) as engine, spec.verifier.open() as verifier:
        answerers = Answerers(verifier, policy.decode, repeatable=spec.engine.repeatable)
        groups = Scheduler(engine, answerers, spec.tokens_in_flight, progress).run(jobs)
    return [_answered(group, policy) for group in groups]


def _answered(group: Group, policy: Policy) -> Answered:
    found = group.trajectories
    return Answered(
        problem=group.problem,
        texts=tuple(policy.decode(t.tokens) for t in found),
        answers=tuple(t.answer for t in found),
        correct=tuple(t.correct for t in found),
        lengths=tuple(len(t.tokens) for t in found),
        truncated=tuple(t.stop == "length" for t in found),
        scores=tuple(t.reward for t in found),
    )


def summarise(answered: Sequence[Answered], ks: Sequence[int], seed: int = 0) -> Scores:
    """The scores of one test set."""
    samples = min((len(a.correct) for a in answered), default=0)
    if not samples:
        raise DataError("task: no problem was answered; is there a test split?")
    ks = [k for k in ks if k <= samples]
    return Scores(
        pass_at_1=estimate(np.asarray([[a.rate for a in answered]]), SHARE),
        pass_at={k: _mean([pass_at_k(len(a.correct), sum(a.correct), k) for a in answered]) for k in ks},
        majority_at={k: _mean([majority_at_k(a, k, seed) for a in answered]) for k in ks},
        length=_mean([n for a in answered for n in a.lengths]),
        truncated=_mean([float(t) for a in answered for t in a.truncated]),
        problems=len(answered),
        samples=samples,
        mean_score=_mean([s for a in answered for s in a.scores]) if any(a.graded for a in answered) else None,
    )


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """The probability that one of k samples drawn without replacement is correct (Chen et al. 2021, unbiased)."""
    return 1.0 - math.comb(samples - correct, k) / math.comb(samples, k)


def majority_at_k(answered: Answered, k: int, seed: int = 0) -> float:
    """The probability that the most frequent answer of k samples is correct; ties count their share.

    All correct samples are one answer, however they are written; a sample without an answer has no vote. Exact for
    k equal to 1 or to the number of samples, otherwise over 200 seeded draws.
    """
    votes = [
        (True, "") if right else (False, answer)
        for right, answer in zip(answered.correct, answered.answers, strict=True)
    ]
    if k == len(votes):
        return _majority(votes)
    if k == 1:
        return answered.rate
    rng = random.Random(derive_seed(seed, "majority", answered.problem.id, k))
    return _mean([_majority(rng.sample(votes, k)) for _ in range(MAJORITY_DRAWS)])


def _majority(votes: Sequence[tuple[bool, str | None]]) -> float:
    counts = Counter(vote for vote in votes if vote[1] is not None)
    if not counts:
        return 0.0
    most = max(counts.values())
    leaders = [right for (right, _), count in counts.items() if count == most]
    return sum(leaders) / len(leaders)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan
