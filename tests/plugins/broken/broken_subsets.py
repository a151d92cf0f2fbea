"""Subsets that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import random
import threading
from itertools import count
from typing import Any, ClassVar

from dsk.core.roles import Subset
from dsk.testing import SubsetContract

CALLS = count()
KEPT: list[Any] = []


class Sound(Subset):
    """The first three: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def choose(self, group, rng):
        return list(range(min(3, len(group.trajectories))))


class BrokenSubset(SubsetContract):
    subset: ClassVar[Subset]

    def make_subset(self):
        return self.subset


class Three(Sound):
    """Three, whether they are there or not."""

    def choose(self, group, rng):
        return [0, 1, 2]


class BreaksTheRange(BrokenSubset):
    caught_by = "test_each_chosen_index_is_of_a_trajectory_and_chosen_once"
    subset = Three()


class Replacing(Sound):
    """Draws with replacement."""

    def choose(self, group, rng):
        count = len(group.trajectories)
        return rng.integers(count, size=3).tolist() if count else []


class BreaksUniqueness(BrokenSubset):
    caught_by = "test_each_chosen_index_is_of_a_trajectory_and_chosen_once"
    subset = Replacing()


class OnlyCorrect(Sound):
    """Keeps what is correct, which may be nothing."""

    def choose(self, group, rng):
        return [i for i, t in enumerate(group.trajectories) if t.correct]


class BreaksPresence(BrokenSubset):
    caught_by = "test_a_group_that_has_trajectories_keeps_one"
    subset = OnlyCorrect()


class Counting(Sound):
    """Takes turns."""

    def choose(self, group, rng):
        return [next(CALLS) % len(group.trajectories)] if group.trajectories else []


class BreaksDeterminism(BrokenSubset):
    caught_by = "test_equal_generators_give_equal_choices"
    subset = Counting()


class GlobalRandom(Sound):
    """Draws from `random`."""

    def choose(self, group, rng):
        return [random.randrange(len(group.trajectories))] if group.trajectories else [random.random()][:0]


class BreaksSeeding(BrokenSubset):
    caught_by = "test_the_group_and_global_randomness_are_left_alone"
    subset = GlobalRandom()


class Marking(Sound):
    """Makes the kept trajectories the group's."""

    def choose(self, group, rng):
        object.__setattr__(group, "trajectories", group.trajectories[:3])
        return super().choose(group, rng)


class BreaksPurity(BrokenSubset):
    caught_by = "test_the_group_and_global_randomness_are_left_alone"
    subset = Marking()


class MainThreadOnly(Sound):
    """Bound to one thread."""

    def choose(self, group, rng):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("main thread only")
        return super().choose(group, rng)


class BreaksThreads(BrokenSubset):
    caught_by = "test_threads_do_not_disturb_each_other"
    subset = MainThreadOnly()


class Hoarding(Sound):
    """Keeps every choice with its group."""

    def choose(self, group, rng):
        KEPT.append([group.trajectories, super().choose(group, rng), bytes(1000)])
        return KEPT[-1][1]


class BreaksMemory(BrokenSubset):
    caught_by = "test_nothing_is_kept_of_the_groups_it_has_seen"
    subset = Hoarding()
