"""Fork rules that read verdicts, against formulas that look at tokens alone, on forests whose tokens all differ."""

from __future__ import annotations

import random
from itertools import count

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dsk.components.forks.half import HalfForks
from dsk.components.forks.pivot import Pivot, likelihoods
from dsk.components.forks.surprise import SurpriseForks
from dsk.components.rollouts.jobs.forest import PROMPT, Forest
from dsk.core.types import Sample, Verdict
from dsk.testing.jobs import pieces

SEEDS = st.integers(0, 10**9)
STEP = 3
PIVOT = {"boundary": {"kind": "length"}, "step_tokens": STEP}


def random_forest(seed: int, agreed: bool | None = None) -> Forest:
    """One tree of up to eight judged responses that fork from tokens; every token is another number."""
    rng, tokens = random.Random(seed), count(100)
    forest = Forest((71, 72)[: rng.randint(0, 2)], pieces)
    for _ in range(rng.randint(1, 8)):
        parents = [chain for chain in range(len(forest)) if forest.starts[chain] < forest.ends[chain]]
        parent = rng.choice(parents) if parents and rng.random() < 0.9 else PROMPT
        start = len(forest.given)
        if parent != PROMPT:
            start = rng.randrange(forest.starts[parent], forest.ends[parent])
        drawn = tuple(next(tokens) for _ in range(rng.choice([0, 1, 4, 7])))
        sample = Sample(drawn, tuple(rng.choice([-0.1, -0.7, -2.0]) for _ in drawn), "eos", 0)
        chain = forest.add(sample, parent, start)
        right = rng.random() < 0.5 if agreed is None else agreed
        forest.verdicts[chain] = Verdict(right, "a", "script")
    return forest


def responses(forest: Forest) -> dict[int, list[int]]:
    """The tokens of each response."""
    return {chain: forest.response(chain, forest.ends[chain])[0].tolist() for chain in range(len(forest))}


def prefix(forest: Forest, place: tuple[int, int]) -> list[int]:
    """What a place keeps."""
    chain, index = place
    if chain == PROMPT:
        return list(forest.given)
    assert index < len(forest.tokens(chain))
    return forest.response(chain, forest.starts[chain] + index)[0].tolist()


def value(forest: Forest, place: tuple[int, int]) -> float:
    """The share of right responses among those that begin with what the place keeps."""
    kept = prefix(forest, place)
    through = [bool(forest.correct(chain)) for chain, said in responses(forest).items() if said[: len(kept)] == kept]
    return float(np.mean(through))


def tokens_of(forest: Forest) -> list[tuple[int, int]]:
    """Every token but the first of a continuation."""
    whole = ((chain, i) for chain in range(len(forest)) for i in range(len(forest.tokens(chain))))
    return [(chain, i) for chain, i in whole if i or forest.parent(chain) == PROMPT]


@given(SEEDS, st.integers(1, 6))
def test_half_takes_values_nearest_one_half_then_surprise_then_the_later(seed, n):
    forest = random_forest(seed)
    where = tokens_of(forest)
    assume(where)

    def rank(place: tuple[int, int]) -> tuple[float, float, int]:
        return abs(value(forest, place) - 0.5), forest.logprobs(place[0])[place[1]], -where.index(place)

    ordered = sorted(where, key=rank)
    expected = [ordered[number % len(ordered)] for number in range(n)]
    assert HalfForks().places(forest, 0, n, np.random.default_rng(0)) == expected


@given(SEEDS, st.booleans(), st.integers(1, 4))
def test_half_is_surprise_while_all_ends_agree(seed, right, n):
    forest = random_forest(seed, agreed=right)
    rng = np.random.default_rng(0)
    assert HalfForks().places(forest, 0, n, rng) == SurpriseForks().places(forest, 0, n, rng)


@given(SEEDS, st.integers(1, 6))
def test_half_leaves_a_tree_alone_once_so_many_agree(seed, settled):
    forest = random_forest(seed)
    rng = np.random.default_rng(0)
    agree = len({verdict.correct for verdict in forest.verdicts.values()}) == 1
    found = HalfForks(settled=settled).places(forest, 0, 3, rng)
    if agree and len(forest) >= settled:
        assert found == []
    else:
        assert found == HalfForks().places(forest, 0, 3, rng)


@given(SEEDS, SEEDS)
def test_the_last_pivot_keeps_all_that_a_failure_has_in_common_with_a_right_response(seed, draw):
    forest = random_forest(seed)
    said = responses(forest)
    right = [chain for chain in said if forest.correct(chain)]
    failed = [chain for chain in said if not forest.correct(chain)]
    assume(right)
    assume(failed)
    found = Pivot(choose="last", **PIVOT).places(forest, 0, len(failed), np.random.default_rng(draw))
    longest = [max(_common(said[one], said[other]) for other in right) for one in failed]
    kept = sorted(said[one][:length] for one, length in zip(failed, longest, strict=True))
    assert sorted(prefix(forest, place) for place in found) == kept
    assert all(value(forest, place) > 0 for place in found)


def _common(one: list[int], other: list[int]) -> int:
    """Tokens in common; a longer right response goes through a failure's end only after it, which is no place."""
    same = [a == b for a, b in zip(one, other, strict=False)]
    return [*same, False].index(False)


@given(SEEDS, SEEDS, st.integers(1, 5))
def test_a_drawn_pivot_begins_a_step_of_a_failure_and_each_has_one_before_any_has_two(seed, draw, n):
    forest = random_forest(seed)
    said = responses(forest)
    given_tokens = len(forest.given)
    failed = [chain for chain in said if not forest.correct(chain)]
    starts = {one: range(given_tokens, len(said[one]), STEP) for one in failed}
    found = Pivot(**PIVOT).places(forest, 0, n, np.random.default_rng(draw))
    assert len(found) == min(n, sum(len(starts[one]) for one in failed))
    begun = [said[one][:at] for one in failed for at in starts[one]]
    assert all(prefix(forest, place) in begun for place in found)
    turn = found[: sum(bool(starts[one]) for one in failed)]
    owners = [{one for one in failed if said[one][: len(kept)] == kept} for kept in (prefix(forest, p) for p in turn)]
    assert len(set().union(*owners)) >= len(turn)


@pytest.mark.parametrize("choose", ["drawn", "last"])
def test_pivots_are_drawn_by_their_position_to_the_power_gamma_where_no_response_is_right(choose):
    forest = Forest((), pieces)
    forest.add(Sample(tuple(range(100, 112)), (-0.5,) * 12, "eos", 0), PROMPT, 0)
    forest.verdicts[0] = Verdict(False, None, "script")
    rule, rng = Pivot(choose=choose, **PIVOT), np.random.default_rng(0)
    drawn = [rule.places(forest, 0, 1, rng)[0] for _ in range(4000)]
    expected = np.array([1, 4, 9, 16]) / 30
    shares = [np.mean([index == at for _, index in drawn]) for at in (0, 3, 6, 9)]
    assert {chain for chain, _ in drawn} == {0}
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / 4000)
    assert likelihoods(4, 2.0) == pytest.approx(expected)


@given(SEEDS)
def test_a_tree_without_failure_has_no_pivot(seed):
    assert Pivot(**PIVOT).places(random_forest(seed, agreed=True), 0, 3, np.random.default_rng(0)) == []
