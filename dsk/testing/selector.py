"""`SelectorContract`: subclass it, say how to make your selector, and pytest checks what every selector promises."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Selector, added
from dsk.core.sampling.search_tree import SearchTree
from dsk.core.types import Sample
from dsk.testing.component import ComponentContract, quick
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes
from dsk.testing.trees import COLUMNS, FrozenView, candidates, freeze, grow, random_tree

SEEDS = st.integers(0, 2**32 - 1)


class SelectorContract(ComponentContract):
    """What every selector promises. Override `make_selector`."""

    @abstractmethod
    def make_selector(self) -> Selector:
        """The selector under test; each call gives an equal one."""

    def component(self) -> Selector:
        """The selector."""
        return self.make_selector()

    def score(self, view: SearchTree | FrozenView, nodes: np.ndarray, seed: int = 0) -> np.ndarray:
        """Scores of `nodes` from a fresh generator."""
        return np.asarray(self.make_selector().scores(view, nodes, np.random.default_rng(seed)))

    def draws(self, view: FrozenView, nodes: np.ndarray) -> bool:
        """Whether scoring takes random numbers."""
        rng = np.random.default_rng(3)
        before = rng.bit_generator.state
        self.make_selector().scores(view, nodes, rng)
        return rng.bit_generator.state != before

    def test_mode_and_scope_are_ones_the_search_knows(self) -> None:
        selector = self.make_selector()
        assert selector.mode in ("frontier", "descend")
        assert selector.scope in ("local", "global")

    @given(seed=SEEDS)
    @quick
    def test_each_candidate_gets_one_finite_score(self, seed: int) -> None:
        tree = random_tree(seed)
        nodes = candidates(tree, self.make_selector().mode, seed)
        scores = self.score(freeze(tree), nodes)
        assert scores.shape == nodes.shape, "return one score for each node id in `nodes`"
        assert finite(scores), "every score must be finite"

    def test_scores_stay_finite_where_nothing_was_visited_and_entropies_are_extreme(self) -> None:
        tree = SearchTree(max_depth=1 << 20)
        logprobs = (0.0, -1e-300, -745.0, -1e6)
        children = tree.expand(0, [Sample((1,), (p,), "length", 0) for p in logprobs], 1 << 30)
        tree.value[:] = [1e6, -1e6, 1e-300, 0.0, 1.0]
        for visits in (0, 1, 10**9):
            tree.visits[:] = visits
            scores = self.score(freeze(tree), np.asarray(children))
            assert finite(scores), f"every score must be finite, also at {visits} visits"

    @given(seed=SEEDS)
    @quick
    def test_scores_stay_finite_where_no_step_was_rated(self, seed: int) -> None:
        """So it is under the scorer `none`, and for new nodes until their scores arrive."""
        tree = random_tree(seed)
        unrated = freeze(tree, score=np.full(tree.size, np.nan))
        scores = self.score(unrated, candidates(tree, self.make_selector().mode, seed))
        assert finite(scores), "every score must be finite, also where all of `tree.score` is NaN"

    def test_ten_thousand_candidates_are_scored_in_one_call(self) -> None:
        tree = SearchTree(max_depth=8)
        children = tree.expand(0, [Sample((1,), (-0.1 * (i % 7),), "length", 0) for i in range(10_000)], 1 << 30)
        scores = self.score(freeze(tree), np.asarray(children))
        assert scores.shape == (10_000,)
        assert finite(scores), "every score must be finite, also of nodes that were not visited"

    @given(seed=SEEDS)
    @quick
    def test_the_named_terms_add_up_to_the_scores(self, seed: int) -> None:
        """From an equal generator; in their order."""
        tree, selector = random_tree(seed), self.make_selector()
        view, nodes = freeze(tree), candidates(tree, selector.mode, seed)
        terms = selector.terms(view, nodes, np.random.default_rng(seed))
        assert terms, "name at least one term"
        assert all(name.strip() and name.isprintable() for name in terms), "a term's name is a printable text"
        assert all(np.shape(term) == nodes.shape for term in terms.values()), "give each node one number in every term"
        assert all(map(finite, terms.values())), "every term must be finite"
        same = np.allclose(added(terms), self.score(view, nodes, seed), rtol=1e-12, atol=1e-12)
        assert same, "the terms do not add up to the scores; put the weights into the terms"

    @given(seed=SEEDS)
    @quick
    def test_equal_generators_give_equal_scores(self, seed: int) -> None:
        tree, other = random_tree(seed), random_tree(seed + 1)
        selector = self.make_selector()
        nodes = candidates(tree, selector.mode, seed)
        first = selector.scores(freeze(tree), nodes, np.random.default_rng(5))
        selector.scores(freeze(other), candidates(other, selector.mode, seed), np.random.default_rng(6))
        again = selector.scores(freeze(tree), nodes, np.random.default_rng(5))
        assert np.array_equal(first, again), "equal generators gave other scores: draw from rng, keep no state"
        assert np.array_equal(first, self.score(freeze(tree), nodes, 5)), "an equal selector gave other scores"

    @given(seed=SEEDS)
    @quick
    def test_the_tree_the_candidates_and_global_randomness_are_left_alone(self, seed: int) -> None:
        tree = random_tree(seed)
        nodes = candidates(tree, self.make_selector().mode, seed)
        before, kept = freeze(tree), nodes.copy()
        with global_randomness_untouched():
            self.score(tree, nodes)
        pairs = {name: (getattr(before, name), getattr(tree, name)) for name in COLUMNS}
        written = [name for name, (old, new) in pairs.items() if not np.array_equal(old, new, equal_nan=True)]
        assert written == [], "it wrote to the tree; work on copies"
        assert np.array_equal(nodes, kept), "it wrote to `nodes`; work on a copy"

    @given(seed=SEEDS)
    @quick
    def test_the_order_of_candidates_does_not_matter(self, seed: int) -> None:
        """A selector that draws random numbers is left out: draws belong to places, not to nodes."""
        tree = random_tree(seed)
        view, nodes = freeze(tree), candidates(tree, self.make_selector().mode, seed)
        if self.draws(view, nodes):
            return
        order = np.random.default_rng(seed).permutation(len(nodes))
        same = np.allclose(self.score(view, nodes[order]), self.score(view, nodes)[order], rtol=1e-12, atol=0)
        assert same, "a node's score depends on its place among the candidates"

    @given(seed=SEEDS)
    @quick
    def test_a_local_score_depends_on_the_node_and_its_parent_only(self, seed: int) -> None:
        """The search keeps such scores until one of the two changes; anything else needs `scope = "global"`."""
        selector = self.make_selector()
        if selector.mode != "frontier" or selector.scope != "local":
            return
        tree = random_tree(seed)
        view, nodes = freeze(tree), candidates(tree, selector.mode, seed)
        assert not self.draws(view, nodes), 'it draws random numbers: set scope = "global"'
        node = nodes[seed % len(nodes)]
        others = np.setdiff1d(np.arange(tree.size), [node, tree.parent[node]])
        changed = {name: np.array(getattr(tree, name)) for name in ("value", "visits", "entropy", "score")}
        for name, other in (
            ("value", 9.0),
            ("visits", changed["visits"][others] + 5),
            ("entropy", 2.0),
            ("score", 0.9),
        ):
            changed[name][others] = other
        elsewhere = freeze(tree, **changed)
        alone = self.score(elsewhere, np.asarray([node]))[0]
        company = self.score(view, nodes)[seed % len(nodes)]
        assert alone == company, 'a score depends on other nodes: set scope = "global", or leave them out'

    @given(seed=SEEDS)
    @quick
    def test_a_search_with_it_always_has_an_open_node_and_repeats(self, seed: int) -> None:
        assert grow(self.make_selector(), seed, 12) == grow(self.make_selector(), seed, 12)

    def test_threads_do_not_disturb_each_other(self) -> None:
        selector, trees = self.make_selector(), [random_tree(seed) for seed in range(16)]

        def scored(index: int) -> bytes:
            nodes = candidates(trees[index], selector.mode, index)
            scores = [selector.scores(trees[index], nodes, np.random.default_rng(index)) for _ in range(20)]
            return np.concatenate(scores).tobytes()

        assert in_threads(scored) == [scored(index) for index in range(16)]

    def test_nothing_is_kept_of_the_trees_it_has_scored(self) -> None:
        selector, trees = self.make_selector(), [random_tree(seed) for seed in range(10)]

        def score(number: int) -> None:
            view = freeze(trees[number % 10])
            selector.scores(view, candidates(trees[number % 10], selector.mode, 0), np.random.default_rng(number))

        assert retained_bytes(score) < LEAK_BYTES, "it keeps what it was given; a selector has no memory"


def finite(scores: np.ndarray) -> bool:
    """Whether all scores are numbers."""
    return bool(np.isfinite(scores.astype(np.float64)).all())
