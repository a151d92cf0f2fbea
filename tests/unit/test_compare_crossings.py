"""Budgets to a level: read per seed, compared as ratios, and bounds where a seed never gets there."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import write_run
from scipy import stats
from scripted_study import Scripted, conducted, study_of

from dsk.compare.comparison import compare
from dsk.compare.crossings import first_crossing, log_mean
from dsk.compare.formats import to_csv, to_latex
from dsk.compare.table import make_grid
from dsk.core.errors import DataError, SpecError

ARMS = {"a": {}, "b": {"rollout.width": 2}}
POINTS = (0, 250, 500, 750, 1000)


def rising(speeds):
    """Pass rates that rise in a straight line; arm and seed to the rate per 1000 tokens."""

    def curve(run):
        return lambda problem, tokens: min(speeds[run.arm][run.seed] * tokens / 1000, 1.0)

    return curve


def crossed(runs, speeds, **fields):
    study = study_of(arms=ARMS, tokens_to=0.5, **fields)
    return conducted(study, runs, Scripted(rising(speeds), points=POINTS)).comparison


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=2, max_size=8, unique_by=lambda p: p[0]),
    st.floats(0.05, 1),
)
def test_the_first_crossing_is_the_first_of_a_fine_walk_along_the_curve(points, level):
    x, y = (np.asarray(side) for side in zip(*sorted(points), strict=True))
    found = first_crossing(x, y, level)
    walk = np.linspace(x[0], x[-1], 20_001)
    reached = walk[np.interp(walk, x, y) >= level]
    if found is None:
        assert not len(reached)
    else:
        assert np.interp(found, x, y) == pytest.approx(level) or found == x[0]
        assert not len(reached) or reached[0] >= found - 1e-6


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=12, unique=True))
def test_a_log_mean_is_the_t_interval_of_the_logarithms(values):
    found = log_mean([(v, v) for v in values])
    logs = np.log(values)
    if np.ptp(logs) < 1e-6:
        return
    half = stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs)
    assert found.mean == pytest.approx(stats.gmean(values))
    assert (found.low, found.high) == pytest.approx(
        (math.exp(logs.mean() - half), math.exp(logs.mean() + half)), rel=1e-3
    )
    assert found.bound == "exact"


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(1.0, 4.0), st.booleans()), min_size=2, max_size=8))
def test_what_is_known_from_below_alone_gives_a_lower_bound(values):
    """Whatever the censored values really are, what is said of them is not above the mean of the true ones."""
    told = log_mean([(v, math.inf if censored else v) for v, _, censored in values])
    truth = stats.gmean([v * factor if censored else v for v, factor, censored in values])
    assert told.mean <= truth * (1 + 1e-9)
    assert told.bound == ("at least" if any(censored for *_, censored in values) else "exact")
    assert math.isinf(told.high) == any(censored for *_, censored in values)


def test_the_ratio_is_paired_by_seed(tmp_path):
    """Seeds differ by a factor of two, arm b takes four fifths of what arm a takes with every one of them."""
    slow = {0: 0.6, 1: 0.8, 2: 1.2}
    found = crossed(tmp_path, {"a": slow, "b": {seed: speed / 0.8 for seed, speed in slow.items()}})
    a, b = (row.crossing for row in found.rows)
    assert a.spent.mean == pytest.approx(stats.gmean([500 / speed for speed in slow.values()]))
    assert b.ratio.mean == pytest.approx(0.8)
    assert a.ratio is None
    assert a.spent.high / a.spent.low > 2


def test_seeds_that_never_get_there_are_counted_with_what_they_spent_and_named(tmp_path):
    found = crossed(tmp_path, {"a": {0: 0.8, 1: 0.9, 2: 1.0}, "b": {0: 0.7, 1: 0.3, 2: 0.9}})
    row = found.rows[1]
    assert row.crossing.never == (1,)
    assert row.crossing.spent.bound == "at least"
    assert row.crossing.spent.mean == pytest.approx(stats.gmean([500 / 0.7, 1000, 500 / 0.9]))
    assert row.crossing.ratio.bound == "at least"
    assert math.isinf(row.crossing.ratio.high)
    grid = make_grid(found)
    shown = dict(zip(grid.heads, (cell.text for cell in grid.rows[1]), strict=True))
    assert shown["model tokens to 50%"].startswith("≥ 735 [")
    assert shown["model tokens to 50%"].endswith("∞] (1 of 3 never)")
    assert shown["ratio to a"].startswith("≥ 1.32 [")
    assert any(note.startswith("b: seed 1 never got there") for note in grid.notes)
    assert r"$\ge$" in to_latex(found)


def test_a_baseline_that_never_gets_there_bounds_the_ratio_from_above(tmp_path):
    found = crossed(tmp_path, {"a": {0: 0.8, 1: 0.3, 2: 1.0}, "b": {0: 0.9, 1: 0.8, 2: 1.1}})
    ratio = found.rows[1].crossing.ratio
    assert ratio.bound == "at most"
    assert ratio.low == 0
    assert ratio.mean == pytest.approx(stats.gmean([0.8 / 0.9, (500 / 0.8) / 1000, 1.0 / 1.1]))


def test_where_both_fall_short_nothing_is_said_of_the_ratio(tmp_path):
    found = crossed(tmp_path, {"a": dict.fromkeys(range(3), 0.3), "b": dict.fromkeys(range(3), 0.2)})
    assert found.rows[1].crossing.ratio.bound == "unknown"
    assert "not known" in {cell.text for cell in make_grid(found).rows[1]}
    (_, row) = csv.DictReader(io.StringIO(to_csv(found)))
    assert row["ratio_to_level_mean"] == ""
    assert row["never_at_level"] == "0 1 2"


def test_a_level_that_a_run_begins_at_is_refused(tmp_path):
    def curve(run):
        return lambda problem, tokens: 0.6

    with pytest.raises(DataError, match=r"tokens_to: .* begins with pass_at_1 0.6, which is at 0.5 before it spends"):
        conducted(study_of(arms=ARMS, tokens_to=0.5), tmp_path, Scripted(curve, points=POINTS))


def test_a_level_in_percent_is_refused_with_the_way_to_write_it(tmp_path):
    with pytest.raises(SpecError, match=r"80 is no level of a share; write 0\.8 for 80%"):
        study_of(arms=ARMS, tokens_to=80)
    done = conducted(study_of(arms=ARMS), tmp_path, Scripted(rising({"a": [0.9, 1, 1.1], "b": [1, 1.1, 1]})))
    with pytest.raises(DataError, match=r"80 is no level of a share; write 0\.8 for 80%"):
        compare(done.arms, tokens_to=80)
    with pytest.raises(SpecError, match="mode 'search' has no curves"):
        study_of(arms=ARMS, tokens_to=0.8, mode="search", budget=None)


def test_curves_of_two_points_are_warned_about(tmp_path):
    speeds = {"a": dict.fromkeys(range(3), 0.8), "b": dict.fromkeys(range(3), 0.9)}
    study = study_of(arms=ARMS, tokens_to=0.5)
    found = conducted(study, tmp_path, Scripted(rising(speeds), points=(0, 1000))).comparison
    assert any("tokens_to is read on curves of fewer than 3 evaluations: " in line for line in found.warnings)


def test_runs_may_be_compared_by_what_they_take_too(tmp_path):
    from typer.testing import CliRunner

    from dsk.cli.app import app

    for seed in range(3):
        for name, speed, overrides in (("a", 0.8, ()), ("b", 1.0, ["rollout.width=2"])):
            rate = lambda problem, tokens, s=speed: s * tokens / 1000  # noqa: E731
            write_run(tmp_path / f"{name}-{seed}", rate, seed=seed, points=POINTS, overrides=overrides)
    result = CliRunner().invoke(app, ["compare", str(tmp_path), "--tokens-to", "0.4", "--format", "csv"])
    assert result.exit_code == 0, result.output
    (_, row) = csv.DictReader(io.StringIO(result.stdout))
    assert float(row["ratio_to_level_mean"]) == pytest.approx(0.8)
