"""Selectors and declarations that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict, Field, PrivateAttr

from dsk.core.roles import Selector
from dsk.testing import SelectorContract

CALLS = count()
KEPT: list[Any] = []


class Sound(Selector):
    """Deepest first: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def scores(self, tree, nodes, rng):
        return tree.depth[nodes].astype(float)


class BrokenSelector(SelectorContract):
    selector: ClassVar[Selector]

    def make_selector(self):
        return self.selector


class HiddenField(Sound):
    """A field that the spec leaves out."""

    weight: float = Field(default=1.0, exclude=True, description="Weight.")


class BreaksTheSpecForm(BrokenSelector):
    caught_by = "test_the_spec_form_gives_back_an_equal_component"
    selector = HiddenField(weight=2.0)


class Unpicklable(Sound):
    """Holds a lambda."""

    _shape: Any = PrivateAttr(default_factory=lambda: lambda depth: depth)


class BreaksPickling(BrokenSelector):
    caught_by = "test_it_can_be_sent_to_another_process"
    selector = Unpicklable()


class Mutable(Sound):
    """Not frozen."""

    model_config = ConfigDict(frozen=False)
    weight: float = Field(default=1.0, description="Weight.")


class BreaksFreezing(BrokenSelector):
    caught_by = "test_its_fields_cannot_be_changed"
    selector = Mutable()


class Lax(Sound):
    """Ignores what it does not know, so that every typo passes."""

    model_config = ConfigDict(extra="ignore")


class BreaksStrictness(BrokenSelector):
    caught_by = "test_an_unknown_field_is_refused"
    selector = Lax()


class Undescribed(Sound):
    """Has a field nobody explains."""

    eps2: float = 0.1


class BreaksDocumentation(BrokenSelector):
    caught_by = "test_the_class_and_every_field_say_what_they_are"
    selector = Undescribed()


class Greedy(Sound):
    """A mode the search does not have."""

    mode: ClassVar[Any] = "greedy"


class BreaksTheMode(BrokenSelector):
    caught_by = "test_mode_and_scope_are_ones_the_search_knows"
    selector = Greedy()


class Column(Sound):
    """Scores [A, 1]."""

    def scores(self, tree, nodes, rng):
        return super().scores(tree, nodes, rng)[:, None]


class BreaksTheShape(BrokenSelector):
    caught_by = "test_each_candidate_gets_one_finite_score"
    selector = Column()


class Unweighted(Sound):
    """Leaves the weights out of its terms."""

    def scores(self, tree, nodes, rng):
        return 0.5 * tree.depth[nodes]

    def terms(self, tree, nodes, rng):
        return {"depth": tree.depth[nodes].astype(float)}


class BreaksTheTerms(BrokenSelector):
    caught_by = "test_the_named_terms_add_up_to_the_scores"
    selector = Unweighted()


class Unvisited(Sound):
    """Divides by visits that may be 0."""

    def scores(self, tree, nodes, rng):
        with np.errstate(all="ignore"):
            return tree.value[nodes] / tree.visits[nodes]


class BreaksFiniteness(BrokenSelector):
    caught_by = "test_scores_stay_finite_where_nothing_was_visited_and_entropies_are_extreme"
    selector = Unvisited()


class Rated(Sound):
    """Fills in the mean of what was rated, of which there may be nothing."""

    scope: ClassVar[Any] = "global"

    def scores(self, tree, nodes, rng):
        known = tree.score[~np.isnan(tree.score)]
        with np.errstate(all="ignore"):
            return np.nan_to_num(tree.score[nodes], nan=known.sum() / len(known) if len(known) else np.nan)


class BreaksWithoutScores(BrokenSelector):
    caught_by = "test_scores_stay_finite_where_no_step_was_rated"
    selector = Rated()


class AboveAverage(Sound):
    """Compares a step's score with those of the whole tree, and calls that local."""

    def scores(self, tree, nodes, rng):
        return np.nan_to_num(tree.score[nodes]) - np.nan_to_num(tree.score).mean()


class BreaksLocalityByScores(BrokenSelector):
    caught_by = "test_a_local_score_depends_on_the_node_and_its_parent_only"
    selector = AboveAverage()


class Truncating(Sound):
    """Looks at a thousand candidates at most."""

    def scores(self, tree, nodes, rng):
        return super().scores(tree, nodes[:1000], rng)


class BreaksWithManyCandidates(BrokenSelector):
    caught_by = "test_ten_thousand_candidates_are_scored_in_one_call"
    selector = Truncating()


class Counting(Sound):
    """Depends on how often it was called."""

    def scores(self, tree, nodes, rng):
        return super().scores(tree, nodes, rng) * (-1) ** next(CALLS)


class BreaksDeterminism(BrokenSelector):
    caught_by = "test_equal_generators_give_equal_scores"
    selector = Counting()


class BreaksRepeatedSearches(BrokenSelector):
    caught_by = "test_a_search_with_it_always_has_an_open_node_and_repeats"
    selector = Counting()


class GlobalRandom(Sound):
    """Draws from numpy's global generator."""

    scope: ClassVar[Any] = "global"

    def scores(self, tree, nodes, rng):
        return np.random.random(len(nodes))


class BreaksSeeding(BrokenSelector):
    caught_by = "test_the_tree_the_candidates_and_global_randomness_are_left_alone"
    selector = GlobalRandom()


class Writing(Sound):
    """Marks the tree's nodes."""

    def scores(self, tree, nodes, rng):
        tree.visits[nodes] += 1
        return super().scores(tree, nodes, rng)


class BreaksTheTree(BrokenSelector):
    caught_by = "test_the_tree_the_candidates_and_global_randomness_are_left_alone"
    selector = Writing()


class Positional(Sound):
    """Prefers whoever comes last."""

    def scores(self, tree, nodes, rng):
        return np.arange(len(nodes), dtype=float)


class BreaksOrderIndependence(BrokenSelector):
    caught_by = "test_the_order_of_candidates_does_not_matter"
    selector = Positional()


class Relative(Sound):
    """Compares with the whole tree, and says it is local: the search would use stale scores."""

    def scores(self, tree, nodes, rng):
        return tree.depth[nodes] - tree.value.mean()


class BreaksLocality(BrokenSelector):
    caught_by = "test_a_local_score_depends_on_the_node_and_its_parent_only"
    selector = Relative()


class Drawing(Sound):
    """Draws from rng, and says it is local: a kept score would never be drawn again."""

    def scores(self, tree, nodes, rng):
        return rng.random(len(nodes))


class BreaksLocalityByDrawing(BrokenSelector):
    caught_by = "test_a_local_score_depends_on_the_node_and_its_parent_only"
    selector = Drawing()


class MainThreadOnly(Sound):
    """Bound to one thread, as signals and some connections are."""

    def scores(self, tree, nodes, rng):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("main thread only")
        return super().scores(tree, nodes, rng)


class BreaksThreads(BrokenSelector):
    caught_by = "test_threads_do_not_disturb_each_other"
    selector = MainThreadOnly()


class Hoarding(Sound):
    """Keeps every score it gave."""

    def scores(self, tree, nodes, rng):
        KEPT.append(super().scores(tree, nodes, rng))
        return KEPT[-1]


class BreaksMemory(BrokenSelector):
    caught_by = "test_nothing_is_kept_of_the_trees_it_has_scored"
    selector = Hoarding()
