"""`AdvantageContract`: subclass it, say how to make your advantage, and pytest checks what every one promises."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Advantage
from dsk.testing.component import ComponentContract, quick
from dsk.testing.groups import random_group
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

SEEDS = st.integers(0, 2**32 - 1)


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
        turned = replace(group, trajectories=group.trajectories[::-1], terminals=group.terminals[::-1])
        forward, backward = self.make_advantage().values(group), self.make_advantage().values(turned)
        for path, other in zip(forward, reversed(backward), strict=True):
            assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(path, other, strict=True))

    @given(seed=SEEDS)
    @quick
    def test_no_wrong_trajectory_ends_better_than_a_correct_one(self, seed: int) -> None:
        group = random_group(seed, graded=False)
        ends = [path[-1] for path in self.make_advantage().values(group)]
        correct = [end for end, t in zip(ends, group.trajectories, strict=True) if t.correct]
        wrong = [end for end, t in zip(ends, group.trajectories, strict=True) if not t.correct]
        assert min(correct, default=math.inf) >= max(wrong, default=-math.inf) - 1e-9

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
