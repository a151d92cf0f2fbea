"""`SubsetContract`: subclass it, say how to make your subset, and pytest checks what every one promises."""

from __future__ import annotations

import random
from abc import abstractmethod
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Subset
from dsk.core.types import Group
from dsk.testing.advantage import random_group
from dsk.testing.component import ComponentContract, quick
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

SEEDS = st.integers(0, 2**32 - 1)


def random_forest(seed: int) -> Group:
    """A group of none to twelve trajectories, right and wrong, of up to three trees."""
    rng = random.Random(seed)
    members = [rng.choice(random_group(seed + n).trajectories) for n in range(rng.randint(0, 12))]
    trajectories = tuple(replace(t, tree=rng.randrange(3), correct=rng.random() < 0.4) for t in members)
    return replace(random_group(seed), trajectories=trajectories, terminals=())


class SubsetContract(ComponentContract):
    """What every subset promises. Override `make_subset`."""

    @abstractmethod
    def make_subset(self) -> Subset:
        """The subset under test; each call gives an equal one."""

    def component(self) -> Subset:
        """The subset."""
        return self.make_subset()

    def choose(self, group: Group, seed: int = 0) -> list[int]:
        """The indices chosen, from a fresh generator."""
        return list(self.make_subset().choose(group, np.random.default_rng(seed)))

    @given(seed=SEEDS)
    @quick
    def test_each_chosen_index_is_of_a_trajectory_and_chosen_once(self, seed: int) -> None:
        group = random_forest(seed)
        chosen = self.choose(group, seed)
        assert len(set(chosen)) == len(chosen)
        assert set(chosen) <= set(range(len(group.trajectories)))

    @given(seed=SEEDS)
    @quick
    def test_a_group_that_has_trajectories_keeps_one(self, seed: int) -> None:
        group = random_forest(seed)
        assert bool(self.choose(group, seed)) == bool(group.trajectories)

    @given(seed=SEEDS)
    @quick
    def test_equal_generators_give_equal_choices(self, seed: int) -> None:
        subset, group = self.make_subset(), random_forest(seed)
        first = list(subset.choose(group, np.random.default_rng(seed)))
        subset.choose(random_forest(seed + 1), np.random.default_rng(seed + 1))
        assert list(subset.choose(group, np.random.default_rng(seed))) == first
        assert self.choose(group, seed) == first

    @given(seed=SEEDS)
    @quick
    def test_the_group_and_global_randomness_are_left_alone(self, seed: int) -> None:
        group = random_forest(seed)
        with global_randomness_untouched():
            self.choose(group, seed)
        assert group == random_forest(seed)

    def test_threads_do_not_disturb_each_other(self) -> None:
        subset = self.make_subset()

        def chosen(index: int) -> list[list[int]]:
            rng, group = np.random.default_rng(index), random_forest(index)
            return [list(subset.choose(group, rng)) for _ in range(20)]

        assert in_threads(chosen) == [chosen(index) for index in range(16)]

    def test_nothing_is_kept_of_the_groups_it_has_seen(self) -> None:
        subset, groups = self.make_subset(), [random_forest(seed) for seed in range(10)]
        assert retained_bytes(lambda n: subset.choose(groups[n % 10], np.random.default_rng(n))) < LEAK_BYTES
