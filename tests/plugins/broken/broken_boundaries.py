"""Boundaries that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import random
import threading
from itertools import count
from typing import Any, ClassVar

import numpy as np

from dsk.core.roles import Boundary
from dsk.testing import BoundaryContract

CALLS = count()
KEPT: list[Any] = []


class Sound(Boundary):
    """Half a step: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def cut(self, logprobs):
        return (len(logprobs) + 1) // 2


class BrokenBoundary(BoundaryContract):
    boundary: ClassVar[Boundary]

    def make_boundary(self):
        return self.boundary


class Everywhere(Sound):
    """An empty text, which is found before the first token."""

    @property
    def stop_strings(self):
        return ("",)


class BreaksTheTexts(BrokenBoundary):
    caught_by = "test_its_texts_are_texts_that_can_occur"
    boundary = Everywhere()


class Nothing(Sound):
    """Rounds down, so a step of one token keeps none and the tree never gets on."""

    def cut(self, logprobs):
        return len(logprobs) // 2


class BreaksTheRange(BrokenBoundary):
    caught_by = "test_a_step_keeps_at_least_one_token_and_at_most_all"
    boundary = Nothing()


class NumpyLength(Sound):
    """A numpy integer, which JSON refuses."""

    def cut(self, logprobs):
        return np.int64(len(logprobs))


class BreaksTheType(BrokenBoundary):
    caught_by = "test_a_step_keeps_at_least_one_token_and_at_most_all"
    boundary = NumpyLength()


class Counting(Sound):
    """Takes turns."""

    def cut(self, logprobs):
        return 1 + next(CALLS) % len(logprobs)


class BreaksDeterminism(BrokenBoundary):
    caught_by = "test_equal_steps_are_cut_alike"
    boundary = Counting()


class Forgetful(Sound):
    """Leaves the rest of a response out."""

    def split(self, logprobs, pieces, step_tokens=0):
        return super().split(logprobs, pieces, step_tokens)[:-1]


class BreaksTheSum(BrokenBoundary):
    caught_by = "test_the_steps_of_a_finished_response_add_up"
    boundary = Forgetful()


class Boundless(Sound):
    """Pays no regard to the longest step."""

    def split(self, logprobs, pieces, step_tokens=0):
        return [len(pieces)] if len(pieces) else []


class BreaksTheBound(BrokenBoundary):
    caught_by = "test_the_steps_of_a_finished_response_add_up"
    boundary = Boundless()


class BreaksRepeatedSplits(BrokenBoundary):
    caught_by = "test_equal_responses_are_split_alike"
    boundary = Counting()


class GlobalRandom(Sound):
    """Draws from `random`."""

    def cut(self, logprobs):
        return random.randint(1, len(logprobs))


class BreaksSeeding(BrokenBoundary):
    caught_by = "test_the_step_and_global_randomness_are_left_alone"
    boundary = GlobalRandom()


class Sorting(Sound):
    """Sorts the caller's own array."""

    def cut(self, logprobs):
        logprobs.sort()
        return len(logprobs)


class BreaksPurity(BrokenBoundary):
    caught_by = "test_the_step_and_global_randomness_are_left_alone"
    boundary = Sorting()


class MainThreadOnly(Sound):
    """Bound to one thread."""

    def cut(self, logprobs):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("main thread only")
        return super().cut(logprobs)


class BreaksThreads(BrokenBoundary):
    caught_by = "test_threads_do_not_disturb_each_other"
    boundary = MainThreadOnly()


class Hoarding(Sound):
    """Keeps every step."""

    def cut(self, logprobs):
        KEPT.append(logprobs)
        return super().cut(logprobs)


class BreaksMemory(BrokenBoundary):
    caught_by = "test_nothing_is_kept_of_the_steps_it_has_seen"
    boundary = Hoarding()
