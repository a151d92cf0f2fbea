"""`ForkRuleContract`: subclass it, say how to make your fork rule, and pytest checks what every fork rule promises."""

from __future__ import annotations

import random
from abc import abstractmethod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.components.rollouts.jobs.forest import PROMPT, Forest
from dsk.core.roles import ForkRule
from dsk.core.types import Sample, SampleRequest
from dsk.testing.component import ComponentContract, quick
from dsk.testing.jobs import LIMIT, World, pieces
from dsk.testing.purity import global_randomness_untouched

SEEDS = st.integers(0, 2**32 - 1)
TREES = 2


def random_forest(seed: int, judged: bool = True) -> Forest:
    """Two trees of responses that were forked anywhere, some of them empty; with verdicts where `judged`."""
    rng, world = random.Random(seed), World(seed, lost=0.0)
    forest = Forest((9,) * rng.randint(0, 2), pieces)
    for number in range(TREES + rng.randint(0, 6)):
        tree = number if number < TREES else rng.randrange(TREES)
        parents = [chain for chain in forest.chains(tree) if forest.starts[chain] < forest.ends[chain]]
        parent = rng.choice(parents) if parents and rng.random() < 0.8 else PROMPT
        start = len(forest.given)
        if parent != PROMPT:
            start = rng.randrange(forest.starts[parent], forest.ends[parent])
        request = SampleRequest("", forest.given, 1, LIMIT - start, number)
        sample = world.sample(request, 0) if rng.random() < 0.9 else Sample((), (), "length", 0)
        chain = forest.add(sample, parent, start, tree)
        if judged:
            forest.verdicts[chain] = world.verdict(forest.response(chain, forest.ends[chain])[0].tolist())
    return forest


class ForkRuleContract(ComponentContract):
    """What every fork rule promises. Override `make_fork`."""

    @abstractmethod
    def make_fork(self) -> ForkRule:
        """The fork rule under test; each call gives an equal one."""

    def component(self) -> ForkRule:
        """The fork rule."""
        return self.make_fork()

    def places(self, forest: Forest, seed: int) -> list[tuple[int, int]]:
        """What a fresh rule names in one of the trees, with a fresh generator."""
        return self.make_fork().places(forest, seed % TREES, 1 + seed % 5, np.random.default_rng(seed))

    @given(seed=SEEDS)
    @quick
    def test_places_are_tokens_of_the_tree_or_the_prompt_and_no_more_than_asked_for(self, seed: int) -> None:
        forest = random_forest(seed)
        chains, places = forest.chains(seed % TREES), self.places(forest, seed)
        assert len(places) <= 1 + seed % 5
        for chain, index in places:
            assert type(chain) is int and type(index) is int, "plain ints"  # noqa: PT018  # one claim
            assert chain in chains or (chain, index) == (PROMPT, 0), f"chain {chain} is none of {chains}"
            assert chain == PROMPT or 0 <= index < len(forest.tokens(chain)), "an index counts the chain's own tokens"

    @given(seed=SEEDS)
    @quick
    def test_equal_generators_give_equal_places(self, seed: int) -> None:
        rule, forest = self.make_fork(), random_forest(seed)
        first = rule.places(forest, 0, 3, np.random.default_rng(5))
        rule.places(random_forest(seed + 1), 0, 3, np.random.default_rng(6))
        again = rule.places(forest, 0, 3, np.random.default_rng(5))
        assert first == again, "equal generators gave other places: draw from rng, keep no state"

    @given(seed=SEEDS)
    @quick
    def test_global_randomness_is_left_alone(self, seed: int) -> None:
        forest = random_forest(seed)
        with global_randomness_untouched():
            self.places(forest, seed)

    @given(seed=SEEDS)
    @quick
    def test_verdicts_are_read_only_where_it_says_so(self, seed: int) -> None:
        if self.make_fork().needs_verdicts:
            return
        judged, other = self.places(random_forest(seed), seed), self.places(random_forest(seed, judged=False), seed)
        assert judged == other, "it reads verdicts, which may not be there yet: set `needs_verdicts = True`"
