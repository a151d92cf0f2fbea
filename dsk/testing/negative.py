"""`NegativeContract`: subclass it, say how to make your negative, and pytest checks what every negative promises."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Negative
from dsk.testing.component import ComponentContract, quick
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

ENTROPIES = st.lists(st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1e6), min_size=1, max_size=12)


class NegativeContract(ComponentContract):
    """What every negative promises. Override `make_negative`."""

    @abstractmethod
    def make_negative(self) -> Negative:
        """The negative under test; each call gives an equal one."""

    def component(self) -> Negative:
        """The negative."""
        return self.make_negative()

    def choose(self, entropies: list[float] | np.ndarray, seed: int = 0) -> int:
        """The index chosen, from a fresh generator and an array that refuses writes."""
        array = np.array(entropies, dtype=np.float64)
        array.flags.writeable = False
        return self.make_negative().choose(array, np.random.default_rng(seed))

    @given(entropies=ENTROPIES, seed=st.integers(0, 1000))
    @quick
    def test_the_choice_is_an_index_of_a_candidate(self, entropies: list[float], seed: int) -> None:
        chosen = self.choose(entropies, seed)
        assert isinstance(chosen, int), f"a plain int, not {type(chosen).__name__}"
        assert 0 <= chosen < len(entropies)

    @given(entropies=ENTROPIES, seed=st.integers(0, 1000))
    @quick
    def test_equal_generators_give_equal_choices(self, entropies: list[float], seed: int) -> None:
        negative = self.make_negative()
        first = negative.choose(np.array(entropies), np.random.default_rng(seed))
        negative.choose(np.array([3.0, 1.0, 2.0]), np.random.default_rng(seed + 1))
        assert negative.choose(np.array(entropies), np.random.default_rng(seed)) == first
        assert self.choose(entropies, seed) == first

    @given(entropies=ENTROPIES)
    @quick
    def test_the_candidates_and_global_randomness_are_left_alone(self, entropies: list[float]) -> None:
        array = np.array(entropies)
        with global_randomness_untouched():
            self.make_negative().choose(array, np.random.default_rng(0))
        assert array.tolist() == entropies

    @given(entropies=ENTROPIES, seed=st.integers(0, 1000))
    @quick
    def test_the_order_of_candidates_does_not_matter(self, entropies: list[float], seed: int) -> None:
        """The entropy chosen is the same; a negative that draws random numbers is left out."""
        rng = np.random.default_rng(0)
        before = rng.bit_generator.state
        self.make_negative().choose(np.array(entropies), rng)
        if rng.bit_generator.state != before:
            return
        turned = np.random.default_rng(seed).permutation(entropies)
        assert turned[self.choose(turned)] == entropies[self.choose(entropies)]

    def test_threads_do_not_disturb_each_other(self) -> None:
        negative = self.make_negative()

        def chosen(index: int) -> list[int]:
            rng = np.random.default_rng(index)
            return [negative.choose(np.roll(np.arange(8.0), n + index), rng) for n in range(200)]

        assert in_threads(chosen) == [chosen(index) for index in range(16)]

    def test_nothing_is_kept_of_the_candidates_it_has_seen(self) -> None:
        negative = self.make_negative()
        assert retained_bytes(lambda n: negative.choose(np.arange(64.0) + n, np.random.default_rng(n))) < LEAK_BYTES
