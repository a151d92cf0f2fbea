"""Intervals of studies that stop when they are narrow enough hold the truth as often as they say, and not by luck."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsk.compare.looks import FEWEST, MOST, WIDENINGS, expected_seeds, half_width, next_count, widening
from dsk.compare.statistics import Difference, error_parts, paired_difference
from dsk.core.run.estimates import spread_of

NOMINAL, EXPERIMENTS = 0.95, 20_000
STANDARD_ERROR = math.sqrt(NOMINAL * (1 - NOMINAL) / EXPERIMENTS)


def coverage(first, ideal, factor, most=200, seed=0):
    """Share of studies whose interval holds the truth, looking after every seed from `first` on.

    Written out: the half-width wanted is 1, and `ideal` seeds would give it if the spread were known.
    """
    deviation = math.sqrt(ideal) / stats.norm.ppf(0.975)
    values = np.random.default_rng(seed).normal(0.0, deviation, (EXPERIMENTS, most))
    open_, held = np.ones(EXPERIMENTS, bool), 0
    for count in range(first, most + 1):
        seen = values[open_, :count]
        half = factor * stats.t.ppf(0.975, count - 1) * seen.std(axis=1, ddof=1) / math.sqrt(count)
        stops = (half <= 1) | (count == most)
        held += int((np.abs(seen.mean(axis=1)[stops]) <= half[stops]).sum())
        open_[np.flatnonzero(open_)[stops]] = False
        if not open_.any():
            break
    return held / EXPERIMENTS


@pytest.mark.parametrize("first", [3, 5, 10])
def test_intervals_hold_the_truth_whenever_a_study_stops(first):
    found = [coverage(first, ideal, widening(first), most=60) for ideal in (first, 2 * first, 4 * first)]
    assert min(found) > NOMINAL - 3 * STANDARD_ERROR


@pytest.mark.parametrize("first", [3, 5, 10])
def test_ordinary_intervals_would_not(first):
    assert coverage(first, 2.5 * first, 1.0, most=60) < NOMINAL - 6 * STANDARD_ERROR


def test_the_factor_is_not_wasteful():
    """A factor a tenth smaller falls short, and five first seeds cost less than the two stages of Stein (1945)."""
    assert coverage(5, 15, 1 + 0.3 * (widening(5) - 1), most=60) < NOMINAL - 3 * STANDARD_ERROR
    assert widening(5) ** 2 < (stats.t.ppf(0.975, 4) / stats.norm.ppf(0.975)) ** 2 / 1.4


def test_a_second_arm_that_keeps_a_study_going_takes_no_coverage():
    """Both arms share the baseline's runs; the study stops when the wider interval is narrow enough."""
    rng, factor, held, studies = np.random.default_rng(1), widening(5), 0, 4000
    for _ in range(studies):
        base, one, two = rng.normal(0, 0.9, (3, 60))
        for count in range(5, 61):
            pairs = np.stack([one[:count], two[:count]]) - base[:count]
            half = factor * stats.t.ppf(0.975, count - 1) * pairs.std(axis=1, ddof=1) / math.sqrt(count)
            if half.max() <= 1:
                break
        held += int(abs(pairs[0].mean()) <= half[0])
    assert held / studies > NOMINAL - 3 * math.sqrt(NOMINAL * (1 - NOMINAL) / studies)


def test_factors_fall_with_the_first_seeds_and_never_below_one():
    found = [widening(first) for first in range(FEWEST, 100)]
    assert found == sorted(found, reverse=True)
    assert min(found) > 1
    assert widening(9) == WIDENINGS[8]


@st.composite
def tables(draw):
    """Differences [S, P] with effects of seeds and of problems, and some cells missing."""
    seeds, problems = draw(st.integers(2, 8)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    of_seeds, of_problems, noise = (draw(st.sampled_from([0.0, 0.05, 0.3])) for _ in range(3))
    values = rng.normal(0, of_seeds, (seeds, 1)) + rng.normal(0, of_problems, (1, problems))
    return values + rng.normal(0, noise + 1e-3, (seeds, problems))


@given(tables())
def test_the_two_parts_of_the_error_are_the_whole(values):
    fading, lasting = error_parts(values)
    assert math.hypot(fading, lasting) == pytest.approx(spread_of(values).error)
    assert min(fading, lasting) >= 0


@given(tables(), st.floats(1.0, 1.5))
def test_the_half_width_expected_of_as_many_seeds_is_the_one_they_have(values, factor):
    found = paired_difference(values, np.zeros_like(values), widening=factor)
    assert half_width(found, found.seeds, factor) == pytest.approx(found.half_width, rel=1e-6)


@given(tables(), st.floats(0.01, 0.5))
def test_the_expected_number_of_seeds_is_the_first_that_is_enough(values, wanted):
    found = paired_difference(values, np.zeros_like(values))
    expected = expected_seeds(found, wanted, 1.1)
    beyond = max(found.half_width - half_width(found, found.seeds, 1.1), 0.0)
    enough = [n for n in (*range(2, 400), MOST) if half_width(found, n, 1.1) + beyond <= wanted]
    if not enough:
        assert expected is None or expected > 400
    elif expected is not None and enough[0] > found.seeds:
        assert expected == enough[0] or expected > 400


def test_problems_that_leave_too_much_are_said_to_need_more_than_seeds():
    """Five seeds that agree on eight problems which differ: more of the same seeds tell nothing new."""
    values = np.tile(np.linspace(-0.5, 0.5, 8), (5, 1)) + np.random.default_rng(0).normal(0, 0.01, (5, 8))
    found = paired_difference(values, np.zeros_like(values))
    assert found.fading < found.lasting / 10
    assert expected_seeds(found, 0.05, 1.0) is None


def test_four_times_the_seeds_halve_what_fades():
    found = Difference(0.0, -0.08, 0.08, 1.0, 0.5, 20, 200, 1.0, fading=0.04, lasting=0.0, freedom=19)
    assert half_width(found, 80, 1.0) == pytest.approx(half_width(found, 20, 1.0) / 2, rel=0.06)


@given(st.integers(3, 40), st.one_of(st.none(), st.integers(3, 200)), st.integers(3, 60))
def test_seeds_are_added_one_at_least_and_never_beyond_the_most(seeds, expected, most):
    count = next_count(seeds, expected, most)
    assert count <= most
    if seeds < most:
        assert seeds < count <= 2 * seeds
