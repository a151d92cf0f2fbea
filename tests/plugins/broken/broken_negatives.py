"""Negatives that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import random
import threading
from itertools import count
from typing import Any, ClassVar

import numpy as np

from dsk.core.roles import Negative
from dsk.testing import NegativeContract

CALLS = count()
KEPT: list[Any] = []


class Sound(Negative):
    """The first of the lowest: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def choose(self, entropies, rng):
        return int(np.argmin(entropies))


class BrokenNegative(NegativeContract):
    negative: ClassVar[Negative]

    def make_negative(self):
        return self.negative


class Second(Sound):
    """The second candidate, which may not be there."""

    def choose(self, entropies, rng):
        return 1


class BreaksTheRange(BrokenNegative):
    caught_by = "test_the_choice_is_an_index_of_a_candidate"
    negative = Second()


class NumpyIndex(Sound):
    """A numpy integer, which JSON refuses."""

    def choose(self, entropies, rng):
        return np.argmin(entropies)


class BreaksTheType(BrokenNegative):
    caught_by = "test_the_choice_is_an_index_of_a_candidate"
    negative = NumpyIndex()


class Counting(Sound):
    """Takes turns."""

    def choose(self, entropies, rng):
        return next(CALLS) % len(entropies)


class BreaksDeterminism(BrokenNegative):
    caught_by = "test_equal_generators_give_equal_choices"
    negative = Counting()


class GlobalRandom(Sound):
    """Draws from `random`."""

    def choose(self, entropies, rng):
        return random.randrange(len(entropies))


class BreaksSeeding(BrokenNegative):
    caught_by = "test_the_candidates_and_global_randomness_are_left_alone"
    negative = GlobalRandom()


class Sorting(Sound):
    """Sorts the search's own array."""

    def choose(self, entropies, rng):
        entropies.sort()
        return 0


class BreaksPurity(BrokenNegative):
    caught_by = "test_the_candidates_and_global_randomness_are_left_alone"
    negative = Sorting()


class First(Sound):
    """Whoever comes first."""

    def choose(self, entropies, rng):
        return 0


class BreaksOrderIndependence(BrokenNegative):
    caught_by = "test_the_order_of_candidates_does_not_matter"
    negative = First()


class MainThreadOnly(Sound):
    """Bound to one thread."""

    def choose(self, entropies, rng):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("main thread only")
        return super().choose(entropies, rng)


class BreaksThreads(BrokenNegative):
    caught_by = "test_threads_do_not_disturb_each_other"
    negative = MainThreadOnly()


class Hoarding(Sound):
    """Keeps every candidate list."""

    def choose(self, entropies, rng):
        KEPT.append(entropies)
        return super().choose(entropies, rng)


class BreaksMemory(BrokenNegative):
    caught_by = "test_nothing_is_kept_of_the_candidates_it_has_seen"
    negative = Hoarding()
