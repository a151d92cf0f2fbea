"""What a prefix rollout starts inside of, how much of it is given, and how groups steer that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dsk.components.rollouts.prefix import Prefix
from dsk.core.roles import Failure, Known, Solution
from dsk.core.seeding import derive_seed
from dsk.testing.jobs import PROMPT, World, play, problem

SOLUTION = Solution(tuple(range(1, 9)), "1")
FAILURE = Failure((8, 7, 6, 5, 4, 3, 2, 1, 0))
SEEDS = st.integers(0, 10**6)


def group_of(rollout: Prefix, known: Known, seed: int):
    world = World(seed, lost=0.0)
    return play(world, rollout.start(problem(), known, seed, world.setting)).end


def prefix(**fields) -> Prefix:
    return Prefix.model_validate({"rollout": {"kind": "direct", "samples": 3}, **fields})


@pytest.mark.parametrize(
    ("inside", "rate", "solutions", "failures", "expected"),
    [
        ("solutions", 0.9, True, True, "solution"),
        ("failures", 0.1, True, True, "failure"),
        ("failures", 0.9, True, False, "nothing"),
        ("both", 0.5, True, True, "failure"),
        ("both", 0.4, True, True, "solution"),
        ("both", None, True, True, "solution"),
        ("both", 0.9, True, False, "solution"),
        ("both", 0.4, False, True, "nothing"),
    ],
)
def test_what_it_starts_inside_of(inside, rate, solutions, failures, expected):
    known = Known(PROMPT, solutions=(SOLUTION,) * solutions, failures=(FAILURE,) * failures, pass_rate=rate)
    group = group_of(prefix(inside=inside), known, 3)
    given_tokens = tuple(group.trajectories[0].tokens[: group.trajectories[0].given].tolist())
    source = {"solution": SOLUTION.tokens, "failure": FAILURE.tokens, "nothing": ()}[expected]
    assert given_tokens == source[: len(given_tokens)]
    assert bool(given_tokens) == (expected != "nothing") == (not group.stats["fell_back"])
    assert group.stats["from_failure"] == (expected == "failure")


@given(SEEDS, st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_the_share_is_of_what_is_recoverable_or_of_all_but_the_last_token(seed, recoverable):
    failures = tuple(Failure((*(10 * n + i for i in range(1, 9)), 0), r) for n, r in enumerate(recoverable, 1))
    group = group_of(prefix(inside="failures"), Known(PROMPT, failures=failures), seed)
    rng = np.random.default_rng(derive_seed(seed, "prefix"))
    chosen = failures[int(rng.integers(len(failures)))]
    length = int(rng.uniform(0.4, 0.8) * (chosen.recoverable or len(chosen.tokens) - 1))
    for t in group.trajectories:
        assert t.given == length
        assert tuple(t.tokens[:length].tolist()) == chosen.tokens[:length]
        assert t.trained.tolist() == [False] * length + [True] * (len(t.tokens) - length)


@given(SEEDS, st.sampled_from(["solutions", "failures"]))
def test_too_few_passes_give_more_of_a_solution_and_less_of_a_failure(seed, inside):
    low, high = (0.2, 0.9)
    names = {"solutions": ("reveal_low", "reveal_high"), "failures": ("failing_low", "failing_high")}[inside]
    known = Known(
        PROMPT, solutions=(SOLUTION,), failures=(FAILURE,), history={names[0]: low, names[1]: high, "other": 1.0}
    )
    group = group_of(prefix(inside=inside, pass_mark=0.5), known, seed)
    rng = np.random.default_rng(derive_seed(seed, "prefix"))
    rng.integers(1)
    share = rng.uniform(low, high)
    passed = sum(t.correct for t in group.trajectories) / len(group.trajectories) >= 0.5
    more = passed == (inside == "failures")
    assert group.history == dict(zip(names, (share, high) if more else (0.0, share), strict=True))


def test_a_column_of_solutions_and_failures_alone_exclude_each_other():
    with pytest.raises(ValidationError, match="column = 'proof' names solutions, and inside = 'failures' uses none"):
        prefix(inside="failures", column="proof")
