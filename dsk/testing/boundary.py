"""`BoundaryContract`: subclass it, say how to make your boundary, and pytest checks what every boundary promises."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Boundary
from dsk.testing.component import ComponentContract, quick
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

LOGPROBS = st.lists(st.sampled_from([0.0, -0.5, -1e6]) | st.floats(-50, 0), min_size=1, max_size=40)


class BoundaryContract(ComponentContract):
    """What every boundary promises. Override `make_boundary`."""

    @abstractmethod
    def make_boundary(self) -> Boundary:
        """The boundary under test; each call gives an equal one."""

    def component(self) -> Boundary:
        """The boundary."""
        return self.make_boundary()

    def cut(self, logprobs: list[float]) -> int:
        """The step's length, from an array that refuses writes."""
        array = np.array(logprobs, dtype=np.float64)
        array.flags.writeable = False
        return self.make_boundary().cut(array)

    def test_its_texts_are_texts_that_can_occur(self) -> None:
        texts = self.make_boundary().stop_strings
        assert isinstance(texts, tuple)
        assert all(isinstance(text, str) and text for text in texts), f"an empty text would end every step: {texts}"

    @given(logprobs=LOGPROBS)
    @quick
    def test_a_step_keeps_at_least_one_token_and_at_most_all(self, logprobs: list[float]) -> None:
        kept = self.cut(logprobs)
        assert isinstance(kept, int), f"a plain int, not {type(kept).__name__}"
        assert 1 <= kept <= len(logprobs)

    @given(logprobs=LOGPROBS)
    @quick
    def test_equal_steps_are_cut_alike(self, logprobs: list[float]) -> None:
        boundary = self.make_boundary()
        first = boundary.cut(np.array(logprobs))
        boundary.cut(np.array([-3.0, -1.0, -2.0]))
        assert boundary.cut(np.array(logprobs)) == first

    def split(self, logprobs: list[float], step_tokens: int) -> list[int]:
        """A finished response's steps; its tokens say a word each, or end a line or a sentence."""
        pieces = [("so ", "\n", "x", ". ", "")[index * index % 5] for index in range(len(logprobs))]
        array = np.array(logprobs, dtype=np.float64)
        array.flags.writeable = False
        return self.make_boundary().split(array, pieces, step_tokens)

    @given(logprobs=LOGPROBS | st.just([]), step_tokens=st.integers(0, 6))
    @quick
    def test_the_steps_of_a_finished_response_add_up(self, logprobs: list[float], step_tokens: int) -> None:
        lengths = self.split(logprobs, step_tokens)
        assert all(type(length) is int for length in lengths), "plain ints"
        assert sum(lengths) == len(logprobs)
        assert min(lengths[1:], default=1) >= 1, "only the first step may be empty"
        assert min(lengths, default=0) >= 0
        assert not step_tokens or max(lengths, default=0) <= step_tokens, "`step_tokens` bounds a step"

    @given(logprobs=LOGPROBS)
    @quick
    def test_equal_responses_are_split_alike(self, logprobs: list[float]) -> None:
        first = self.split(logprobs, 3)
        self.split([-3.0, -1.0, -2.0], 0)
        assert self.split(logprobs, 3) == first

    @given(logprobs=LOGPROBS)
    @quick
    def test_the_step_and_global_randomness_are_left_alone(self, logprobs: list[float]) -> None:
        array = np.array(logprobs)
        with global_randomness_untouched():
            self.make_boundary().cut(array)
        assert array.tolist() == logprobs

    def test_threads_do_not_disturb_each_other(self) -> None:
        boundary = self.make_boundary()

        def cuts(index: int) -> list[int]:
            return [boundary.cut(-np.roll(np.arange(8.0), n + index)) for n in range(200)]

        assert in_threads(cuts) == [cuts(index) for index in range(16)]

    def test_nothing_is_kept_of_the_steps_it_has_seen(self) -> None:
        boundary = self.make_boundary()
        assert retained_bytes(lambda n: boundary.cut(-np.arange(64.0) - n)) < LEAK_BYTES
