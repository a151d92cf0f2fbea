"""Random trees of trajectories for tests, as training rows and as groups."""

from __future__ import annotations

import random
from collections.abc import Sequence

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


def random_rows(seed: int, groups: int = 2, leaves: int = 4, prompt: int = 3, chunk: int = 6) -> list[TrainingRow]:
    """Rows of `groups` random trees with arbitrary advantages and plausible log-probabilities."""
    rng = random.Random(seed)
    rows: list[TrainingRow] = []
    for group in range(groups):
        length = rng.randint(1, prompt)
        for tokens in random_sequences(rng, rng.randint(1, leaves), length, chunk):
            response = tokens[length:]
            advantages = tuple(rng.uniform(-1, 1) for _ in response)
            rows.append(
                TrainingRow(group, tokens[:length], response, advantages, tuple(rng.uniform(-5, -3) for _ in response))
            )
    return rows


def trajectory(tokens: Sequence[int], reward: float, values: Sequence[float], logprob: float = -3.5) -> Trajectory:
    """A recorded path of `len(values)` nodes of nearly equal length, with the given final values."""
    count = len(values)
    lengths = [len(tokens) * (i + 1) // count - len(tokens) * i // count for i in range(count)]
    return Trajectory(
        tokens=tuple(tokens),
        logprobs=(logprob,) * len(tokens),
        node_lengths=tuple(lengths),
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
