"""The mini-batches of one arm at a fixed policy: what each group adds to the gradient, and what it costs."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from dsk.compare.fixed.counting import Counted
from dsk.compare.fixed.records import MEASURED, GroupShare, MeasuredBatch, read_batches, write_vectors
from dsk.compare.fixed.reference import finite, sketch_of
from dsk.compare.fixed.settings import GradientSettings
from dsk.compare.fixed.sketch import Sketch
from dsk.core.errors import InterruptedRun
from dsk.core.run.records import append_jsonl
from dsk.core.run.session import Session
from dsk.core.run.solutions import scored_tokens
from dsk.core.run.splits import distinct_tokens
from dsk.core.sampling.filtering import without_garbled
from dsk.core.sampling.subsets import trained_subset
from dsk.core.seeding import derive_seed
from dsk.core.types import Group, Problem

BACKWARD = 3
"""Charged tokens of a trained one: forward, and a backward pass of twice that."""


def measure_batches(session: Session, settings: GradientSettings, problems: Sequence[Problem]) -> None:
    """Measure the batches that are not in the folder yet; those that a step would sample together are one unit."""
    train = session.spec.train
    together = max(train.batch_problems // train.mini_batch_problems, 1)
    sketch = sketch_of(session, settings)
    for start in range(len(read_batches(session.folder)), settings.batches, together):
        numbers = range(start, min(start + together, settings.batches))
        drawn = [drawn_problems(problems, session.spec.seed, n, train.mini_batch_problems) for n in numbers]
        sampled = _sample(session, numbers, drawn)
        rows = [_measure(session, sketch, n, batch) for n, batch in zip(numbers, sampled, strict=True)]
        append_jsonl(session.folder / MEASURED, map(asdict, rows))


def drawn_problems(problems: Sequence[Problem], seed: int, batch: int, count: int) -> list[Problem]:
    """A batch's problems: drawn anew for each, the same for every arm, as far as it takes as many."""
    order = list(problems)
    random.Random(derive_seed(seed, "gradient", batch)).shuffle(order)
    return order[:count]


@dataclass(frozen=True)
class SampledGroup:
    """A group before it is trained, with its share of what sampling cost: charged tokens, and seconds."""

    group: Group
    tokens: float
    seconds: float


def _sample(session: Session, numbers: range, drawn: Sequence[Sequence[Problem]]) -> list[list[SampledGroup]]:
    """The groups of several batches; prompts are shared out, seconds by sampled tokens."""
    sampling, phase = session.sampling, "rollouts" if session.spec.rollout.values == "none" else "search"
    jobs = [
        Counted(sampling.job(p, 0, number, replay=False))
        for number, problems in zip(numbers, drawn, strict=True)
        for p in problems
    ]
    started = time.perf_counter()
    groups, charge = sampling.run(phase, jobs)
    seconds = time.perf_counter() - started
    own = [distinct_tokens(list(job.given)) for job in jobs]
    given = charge["prefix"] / max(sum(own), 1)
    scored = charge["scored"] / max(charge["sampled"], 1)
    shares = iter(
        SampledGroup(
            group,
            job.sampled * (1 + scored) + given * prefix + scored_tokens([group]),
            seconds * job.sampled / max(charge["sampled"], 1),
        )
        for group, job, prefix in zip(groups, jobs, own, strict=True)
    )
    return [[next(shares) for _ in problems] for problems in drawn]


def _measure(session: Session, sketch: Sketch, number: int, sampled: Sequence[SampledGroup]) -> MeasuredBatch:
    """One batch as an update would take it: filtered, its subset chosen, credited; its gradients are written.

    Raises InterruptedRun before it begins.
    """
    if session.should_stop():
        raise InterruptedRun("interrupted while measuring gradients")
    spec, learner = session.spec, session.parts.learner
    sound, _ = without_garbled([s.group for s in sampled], spec.filter, session.parts.policy.decode)
    groups = [
        trained_subset(g, spec.train.subset, derive_seed(spec.seed, "subset", number, g.problem.id)) for g in sound
    ]
    anchored = learner.anchor(groups) if spec.train.batch_problems > spec.train.mini_batch_problems else 0
    found = _gradients(session, sketch, groups)
    learner.anchor(())
    passes = BACKWARD + (1 if spec.train.loss.needs_reference else 0)
    loud, total = learner.signals(groups), max(sum(found.trained), 1)
    shares = tuple(
        GroupShare(
            id=s.group.problem.id,
            silent=not signal,
            model_tokens=s.tokens + passes * trained + anchored / len(groups),
            seconds=s.seconds + found.seconds * trained / total,
        )
        for s, trained, signal in zip(sampled, found.trained, loud, strict=True)
    )
    write_vectors(session.folder, number, list(found.vectors.values()), sketch.size)
    return MeasuredBatch(number, shares, tuple(found.vectors))


@dataclass
class Gradients:
    """Of a batch: sketches by place of the group, trained tokens of each group, seconds without the sketching."""

    vectors: dict[int, np.ndarray]
    trained: list[int]
    seconds: float = 0.0


def _gradients(session: Session, sketch: Sketch, groups: Sequence[Group]) -> Gradients:
    found = Gradients({}, [0] * len(groups))

    def receive(index: int, tokens: int, gradients: Sequence[torch.Tensor]) -> None:
        began = time.perf_counter()
        found.vectors[index] = finite(sketch.of(gradients).numpy(), groups[index].problem.id)
        found.trained[index] = tokens
        found.seconds -= time.perf_counter() - began

    started = time.perf_counter()
    session.parts.learner.gradients(groups, receive)
    found.seconds += time.perf_counter() - started
    return found
