"""`AdvantageContract`: subclass it, say how to make your advantage, and pytest checks what every one promises."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Advantage
from dsk.core.types import Group, Problem, Trajectory
from dsk.testing.component import ComponentContract, quick
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

SEEDS = st.integers(0, 2**32 - 1)


def random_group(seed: int) -> Group:
    """A group of two to six trajectories of one to four nodes, with mixed rewards."""
    rng = random.Random(seed)
    members: list[Trajectory] = []
    for number in range(rng.randint(2, 6)):
        reward = 1.0 if number == 0 else rng.choice([-1.0, 1.0])
        values = (*(rng.uniform(-1, 1) for _ in range(rng.randint(0, 3))), reward)
        lengths = tuple(rng.randint(1, 3) for _ in values)
        tokens = tuple(rng.randrange(50) for _ in range(sum(lengths)))
        nodes = tuple(range(1, len(values) + 1))
        means = tuple(rng.uniform(-1, 1) for _ in range(len(values) + 1))
        logprobs = tuple(rng.uniform(-3, 0) for _ in tokens)
        members.append(
            Trajectory(
                *(np.asarray(tokens), np.asarray(logprobs), np.asarray(lengths)),
                *(nodes, values, means, reward, 1.0, "eos", 0, "search"),
                path=nodes,
            )
        )
    return Group(Problem("p", "?", "!"), (1, 2), tuple(members), "search")


class AdvantageContract(ComponentContract):
    """What every advantage promises. Override `make_advantage`."""

    @abstractmethod
    def make_advantage(self) -> Advantage:
        """The advantage under test; each call gives an equal one."""

    def component(self) -> Advantage:
        """The advantage."""
        return self.make_advantage()

    @given(seed=SEEDS)
    @quick
    def test_there_is_one_finite_number_for_each_node_of_each_trajectory(self, seed: int) -> None:
        group = random_group(seed)
        credit = self.make_advantage().values(group)
        assert [len(path) for path in credit] == [len(t.node_lengths) for t in group.trajectories]
        assert all(math.isfinite(value) for path in credit for value in path)

    @given(seed=SEEDS)
    @quick
    def test_the_order_of_trajectories_does_not_matter(self, seed: int) -> None:
        group = random_group(seed)
        turned = replace(group, trajectories=group.trajectories[::-1])
        forward, backward = self.make_advantage().values(group), self.make_advantage().values(turned)
        for path, other in zip(forward, reversed(backward), strict=True):
            assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(path, other, strict=True))

    @given(seed=SEEDS)
    @quick
    def test_no_trajectory_ends_better_than_a_correct_one(self, seed: int) -> None:
        group = random_group(seed)
        ends = [path[-1] for path in self.make_advantage().values(group)]
        correct = [end for end, t in zip(ends, group.trajectories, strict=True) if t.reward > 0]
        assert min(correct) >= max(ends) - 1e-9

    @given(seed=SEEDS)
    @quick
    def test_credit_depends_on_the_group_only(self, seed: int) -> None:
        advantage = self.make_advantage()
        with global_randomness_untouched():
            first = advantage.values(random_group(seed))
            advantage.values(random_group(seed + 1))
            assert first == advantage.values(random_group(seed)) == self.make_advantage().values(random_group(seed))

    def test_threads_do_not_disturb_each_other(self) -> None:
        advantage = self.make_advantage()

        def credits(index: int) -> list[list[list[float]]]:
            return [advantage.values(random_group(index)) for _ in range(20)]

        assert in_threads(credits) == [credits(index) for index in range(16)]

    def test_nothing_is_kept_of_the_groups_it_has_seen(self) -> None:
        advantage, groups = self.make_advantage(), [random_group(seed) for seed in range(10)]
        assert retained_bytes(lambda number: advantage.values(groups[number % 10])) < LEAK_BYTES
