import numpy as np
from dsk_thompson import Thompson

from dsk.core.sampling.search_tree import SearchTree
from dsk.core.types import Sample
from dsk.testing import SelectorContract


class TestThompson(SelectorContract):
    def make_selector(self):
        return Thompson()


class TestThompsonWithStrongPrior(SelectorContract):
    def make_selector(self):
        return Thompson(prior=50)


def draws(values, visits, number=4000):
    """`number` draws [number, A] for siblings with these sums of rewards and visits."""
    tree = SearchTree(max_depth=4)
    nodes = np.asarray(tree.expand(0, [Sample((1,), (-1.0,), "length", 0)] * len(values), 1 << 30))
    tree.value[nodes], tree.visits[nodes] = values, visits
    rng = np.random.default_rng(0)
    return np.stack([Thompson().scores(tree, nodes, rng) for _ in range(number)])


def test_draws_have_the_mean_and_spread_of_the_posterior():
    for value, visits, alpha, beta in [(4, 10, 8, 4), (-10, 10, 1, 11), (0, 0, 1, 1)]:
        column = draws([value], [visits])[:, 0]
        mean, variance = alpha / (alpha + beta), alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1))
        assert abs(column.mean() - mean) < 4 * (variance / len(column)) ** 0.5
        assert 0.85 < column.var() / variance < 1.15


def test_a_better_sibling_is_chosen_more_often_and_a_worse_one_sometimes():
    share = np.bincount(draws([3, 0], [10, 10]).argmax(1), minlength=2) / 4000
    assert 0.55 < share[0] < 0.99


def test_evidence_makes_the_choice_certain():
    assert (draws([300, 0], [1000, 1000]).argmax(1) == 0).mean() > 0.999
