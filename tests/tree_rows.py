"""Random trees of trajectories for tests, as training rows and as groups."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from dsk.core.training.batch import TrainingRow
from dsk.core.types import Group, Problem, Trajectory

VOCABULARY = 40


def random_sequences(rng: random.Random, leaves: int, prompt: int, chunk: int) -> list[tuple[int, ...]]:
    """`leaves` responses of a random tree: each starts from a random prefix of an earlier one, possibly all of it."""
    responses: list[tuple[int, ...]] = []
    for _ in range(leaves):
        base = rng.choice(responses) if responses else ()
        kept = base[: rng.randint(0, len(base))]
        fresh = tuple(rng.randrange(VOCABULARY) for _ in range(rng.randint(0, chunk)))
        responses.append(kept + fresh or (rng.randrange(VOCABULARY),))
    stem = tuple(rng.randrange(VOCABULARY) for _ in range(prompt))
    return [stem + response for response in responses]


def training_row(
    group: int,
    prompt: Sequence[int],
    response: Sequence[int],
    advantages: Sequence[float],
    logprobs: Sequence[float],
    trained: Sequence[bool] | None = None,
) -> TrainingRow:
    """A row of plain sequences; everything is trained where `trained` is left out."""
    ids = (np.asarray(prompt, np.int32), np.asarray(response, np.int32))
    mask = np.ones(len(response), np.bool_) if trained is None else np.asarray(trained, np.bool_)
    return TrainingRow(group, *ids, np.asarray(advantages, np.float64), np.asarray(logprobs, np.float64), mask)


def random_rows(seed: int, groups: int = 2, leaves: int = 4, prompt: int = 3, chunk: int = 6) -> list[TrainingRow]:
    """Rows of `groups` random trees with arbitrary advantages and plausible log-probabilities."""
    rng = random.Random(seed)
    rows: list[TrainingRow] = []
    for group in range(groups):
        length = rng.randint(1, prompt)
        for tokens in random_sequences(rng, rng.randint(1, leaves), length, chunk):
            response = tokens[length:]
            advantages = [rng.uniform(-1, 1) for _ in response]
            logprobs = [rng.uniform(-5, -3) for _ in response]
            rows.append(training_row(group, tokens[:length], response, advantages, logprobs))
    return rows


def trajectory(tokens: Sequence[int], reward: float, values: Sequence[float], logprob: float = -3.5) -> Trajectory:
    """A recorded path of `len(values)` nodes of nearly equal length, with the given final values."""
    count = len(values)
    lengths = [len(tokens) * (i + 1) // count - len(tokens) * i // count for i in range(count)]
    return Trajectory(
        tokens=np.asarray(tokens, np.int32),
        logprobs=np.full(len(tokens), logprob),
        node_lengths=np.asarray(lengths, np.int32),
        node_ids=tuple(range(1, count + 1)),
        values=tuple(values),
        mean_rewards=(0.0,) * (count + 1),
        reward=reward,
        entropy=-logprob,
        stop="eos",
        version=0,
        origin="search",
    )


def random_group(seed: int, leaves: int = 4) -> Group:
    """A group with mixed rewards and random node values."""
    rng = random.Random(seed)
    length = rng.randint(1, 4)
    paths = random_sequences(rng, leaves, length, 8)
    members = []
    for number, tokens in enumerate(paths):
        reward = 1.0 if number % 2 else -1.0
        depth = rng.randint(1, min(3, len(tokens) - length))
        values = [rng.uniform(-1, 1) for _ in range(depth - 1)] + [reward]
        members.append(trajectory(tokens[length:], reward, values))
    problem = Problem(id=f"p{seed}", prompt="?", answer="!")
    return Group(problem, paths[0][:length], tuple(members), "search")
