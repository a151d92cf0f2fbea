"""A run's figures as columns: what is drawn is what was recorded, thinned where there are very many steps."""

from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.report.series import evaluation_columns, step_columns

COSTS = st.lists(st.tuples(*[st.integers(0, 10_000)] * 4), min_size=1, max_size=60)


def run_of(costs: list[tuple[int, ...]]) -> list[dict[str, Any]]:
    """Steps that cost so many (rollout, screening, scored, trained) tokens each."""
    totals = list(accumulate(costs, lambda before, step: tuple(a + b for a, b in zip(before, step, strict=True))))
    return [
        {
            "event": "step", "step": i + 1, "round": 0, "problems": 4, "solved": i % 5, "group_reward": i / 10,
            "sampled_tokens": r + s, "seconds": float(i), "updates": i, "screening_tokens": s, "scored_tokens": c,
            "trained_tokens": t, "model_tokens": r + s + c + 3 * t, "update_ratio_max": 1.0 + (i * 7) % 11,
            "phase_seconds": {"search": 2.0 * (i + 1), "train": float(i + 1)},
        }
        for i, (r, s, c, t) in enumerate(totals)
    ]  # fmt: skip


@given(COSTS, st.integers(1, 20))
def test_the_parts_of_all_bars_are_all_model_tokens(costs, points):
    steps = run_of(costs)
    parts = step_columns(steps, bars=points).tokens
    assert sum(map(sum, parts.values())) == steps[-1]["model_tokens"]
    names = ("rollouts", "screening", "scoring", "training (× 3)")
    spent = dict(zip(names, (sum(step[place] for step in costs) for place in range(4)), strict=True))
    spent["training (× 3)"] *= 3
    assert {name: sum(values) for name, values in parts.items()} == {n: v for n, v in spent.items() if v}


@given(COSTS, st.integers(1, 20))
def test_thinned_columns_are_as_many_as_asked_and_end_where_the_run_ends(costs, points):
    steps = run_of(costs)
    thinned = step_columns(steps, points)
    lengths = {len(values) for values in thinned.columns.values()}
    assert lengths == {-(-len(steps) // thinned.merged)}
    assert lengths.pop() <= points
    assert thinned.columns["step"][-1] == len(steps)


@given(COSTS, st.integers(1, 20))
def test_a_point_is_the_mean_of_its_steps_and_the_most_extreme_ratio(costs, points):
    steps = run_of(costs)
    thinned = step_columns(steps, points)
    first = steps[: thinned.merged]
    mean = sum(step["group_reward"] for step in first) / len(first)
    assert thinned.columns["group_reward"][0] == pytest.approx(mean, rel=1e-6)
    assert thinned.columns["update_ratio_max"][0] == max(step["update_ratio_max"] for step in first)


@given(COSTS, st.integers(1, 20))
def test_bars_are_as_many_as_asked_and_each_ends_at_its_last_step(costs, most):
    drawn = step_columns(run_of(costs), bars=most)
    assert len(drawn.bars) <= most
    assert drawn.bars[-1] == len(costs)
    assert {len(values) for values in (*drawn.tokens.values(), *drawn.seconds.values())} == {len(drawn.bars)}


def test_a_thousand_steps_are_thinned_and_ten_are_not():
    assert step_columns(run_of([(1, 0, 0, 0)] * 1000)).merged == 2
    assert step_columns(run_of([(1, 0, 0, 0)] * 10)).merged == 1


def test_many_phases_are_six_parts():
    steps = run_of([(1, 0, 0, 0)] * 3)
    for step in steps:
        step["phase_seconds"] = {f"phase {p}": float(p * step["step"]) for p in range(1, 10)}
    seconds = step_columns(steps).seconds
    assert list(seconds) == ["the rest", "phase 9", "phase 8", "phase 7", "phase 6", "phase 5"]
    assert seconds["the rest"] == [10.0, 10.0, 10.0]


def test_a_probe_belongs_to_the_step_whose_weights_it_checked():
    first, second = run_of([(1, 0, 0, 0)] * 2)
    records = [{"event": "sync", "probe_error": 0.25}, first, second]
    assert step_columns(records).columns["probe_error"] == [0.25, None]


def test_an_evaluation_stands_at_the_step_before_it():
    first, second = run_of([(1, 0, 0, 0)] * 2)
    judged = {"event": "evaluation", "pass_at_1": 0.5, "low": 0.4, "high": 0.6, "truncated": 0.0, "model_tokens": 1}
    records = [{**judged, "when": "before"}, first, second, {**judged, "when": "after"}]
    columns = evaluation_columns(records)
    assert columns["step"] == [0, 2]
    assert columns["when"] == ["before", "after"]
    assert "mean_score" not in columns
