"""The run that all arms refer to: every problem's pass rate, and the gradient of its expected reward, in parts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from dsk.compare.fixed.records import MEASURED, RatedProblem, read_reference, write_vectors
from dsk.compare.fixed.settings import FixedSettings, GradientSettings
from dsk.compare.fixed.sketch import Sketch
from dsk.core.errors import InterruptedRun, NonFiniteLossError
from dsk.core.run.records import append_jsonl
from dsk.core.run.session import Session
from dsk.core.seeding import derive_seed
from dsk.core.types import Group, Problem

AT_ONCE = 8
"""Problems sampled together."""


def measure_reference(session: Session, settings: FixedSettings) -> None:
    """Measure the problems that are not in the folder yet."""
    problems = chosen_problems(list(session.parts.train.problems.values()), settings.problems)
    done = len(read_reference(session.folder))
    for start in range(done, len(problems), AT_ONCE):
        _measure(session, settings, start, problems[start : start + AT_ONCE])


def chosen_problems(problems: Sequence[Problem], count: int) -> list[Problem]:
    """`count` of the training problems, the same in every study."""
    order = list(problems)
    random.Random(derive_seed("problems at a fixed policy")).shuffle(order)
    return order[:count]


def _measure(session: Session, settings: FixedSettings, start: int, problems: Sequence[Problem]) -> None:
    """Pass rates from responses of their own, then the gradient's parts."""
    rated = _direct(session, problems, settings.rate_samples, "rate")
    if isinstance(settings, GradientSettings):
        _write_gradients(session, settings, start, problems)
    append_jsonl(session.folder / MEASURED, [asdict(_rated(group)) for group in rated])


def _rated(group: Group) -> RatedProblem:
    correct = sum(t.correct for t in group.trajectories)
    return RatedProblem(group.problem.id, max(len(group.trajectories), 1), correct, int(group.stats["tokens"]))


def _write_gradients(session: Session, settings: GradientSettings, start: int, problems: Sequence[Problem]) -> None:
    share = settings.reference_samples // settings.parts
    parts = [_direct(session, problems, share, "reference", part) for part in range(settings.parts)]
    sketch = sketch_of(session, settings)
    for place in range(len(problems)):
        vectors = [gradient_of(session, groups[place], sketch) for groups in parts]
        write_vectors(session.folder, start + place, vectors, sketch.size)
        if session.should_stop():
            raise InterruptedRun("interrupted while measuring the reference")


def _direct(session: Session, problems: Sequence[Problem], n: int, *purpose: object) -> list[Group]:
    sampling, train = session.sampling, session.parts.train
    jobs = [sampling.direct(train, p, n, session.spec.sampling, *purpose) for p in problems]
    return sampling.run("rollouts", jobs)[0]


def sketch_of(session: Session, settings: GradientSettings) -> Sketch:
    """The study's sketch, for this policy's trained parameters."""
    policy = session.parts.policy
    trained = sum(p.numel() for p in policy.model.parameters() if p.requires_grad)
    return Sketch(trained, settings.dimensions, policy.device)


def gradient_of(session: Session, group: Group, sketch: Sketch) -> np.ndarray:
    """One problem's gradient as a sketch [K]; zeros where its responses are all right or all wrong."""
    found = [np.zeros(sketch.size, np.float32)]
    session.parts.learner.gradients([group], lambda _, __, gradients: found.append(sketch.of(gradients).numpy()))
    return finite(found[-1], group.problem.id)


def finite(vector: np.ndarray, where: str) -> np.ndarray:
    """The vector. Raises NonFiniteLossError."""
    if not np.isfinite(vector).all():
        raise NonFiniteLossError(f"problem '{where}': its gradient is not finite; look for NaN log-probabilities")
    return vector
