"""Fork rules that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import random
from itertools import count
from typing import ClassVar

import numpy as np

from dsk.core.roles import ForkRule
from dsk.testing import ForkRuleContract

CALLS = count()


class Sound(ForkRule):
    """Every chain's first token: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def places(self, forest, tree, n, rng):
        return [(chain, 0) for chain in forest.chains(tree) if len(forest.tokens(chain))][:n]


class BrokenFork(ForkRuleContract):
    fork: ClassVar[ForkRule]

    def make_fork(self):
        return self.fork


class AfterTheEnd(Sound):
    """Counts from one."""

    def places(self, forest, tree, n, rng):
        return [(chain, len(forest.tokens(chain))) for chain in forest.chains(tree)][:n]


class BreaksTheEnd(BrokenFork):
    caught_by = "test_places_are_tokens_of_the_tree_or_the_prompt_and_no_more_than_asked_for"
    fork = AfterTheEnd()


class OtherTree(Sound):
    """Looks at the other tree."""

    def places(self, forest, tree, n, rng):
        return super().places(forest, 1 - tree, n, rng)


class BreaksTheTree(BrokenFork):
    caught_by = "test_places_are_tokens_of_the_tree_or_the_prompt_and_no_more_than_asked_for"
    fork = OtherTree()


class Generous(Sound):
    """Names all it has."""

    def places(self, forest, tree, n, rng):
        return super().places(forest, tree, 1000, rng) * 6


class BreaksTheNumber(BrokenFork):
    caught_by = "test_places_are_tokens_of_the_tree_or_the_prompt_and_no_more_than_asked_for"
    fork = Generous()


class NumpyIndices(Sound):
    """Numpy integers, which are no plain ones in a request's id."""

    def places(self, forest, tree, n, rng):
        return [(np.int64(chain), index) for chain, index in super().places(forest, tree, n, rng)]


class BreaksTheType(BrokenFork):
    caught_by = "test_places_are_tokens_of_the_tree_or_the_prompt_and_no_more_than_asked_for"
    fork = NumpyIndices()


class TakingTurns(Sound):
    """Another place at every call."""

    def places(self, forest, tree, n, rng):
        chain = forest.chains(tree)[0]
        length = len(forest.tokens(chain))
        return [(chain, next(CALLS) % length)] if length else []


class BreaksDeterminism(BrokenFork):
    caught_by = "test_equal_generators_give_equal_places"
    fork = TakingTurns()


class GlobalRandom(Sound):
    """Draws from `random`."""

    def places(self, forest, tree, n, rng):
        random.random()
        return super().places(forest, tree, n, rng)


class BreaksSeeding(BrokenFork):
    caught_by = "test_global_randomness_is_left_alone"
    fork = GlobalRandom()


class Peeking(Sound):
    """Forks wrong responses, and does not say that it reads verdicts."""

    def places(self, forest, tree, n, rng):
        return [place for place in super().places(forest, tree, 99, rng) if not forest.correct(place[0])][:n]


class BreaksTheVerdicts(BrokenFork):
    caught_by = "test_verdicts_are_read_only_where_it_says_so"
    fork = Peeking()
