"""Rewards are numbers: what scores become, what backups and advantages make of them, and where they are told."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import steady, write_run

from dsk.compare.arms import Arm
from dsk.compare.comparison import compare
from dsk.compare.evaluation import Answered, summarise
from dsk.compare.harness import result_row, sample_rows
from dsk.compare.runs import read_run
from dsk.components.advantages.monte_carlo import MonteCarloAdvantage
from dsk.components.advantages.node import NodeAdvantage
from dsk.components.advantages.outcome import OutcomeAdvantage
from dsk.components.backups.constrained import Constrained
from dsk.components.backups.mean import Mean
from dsk.components.backups.simple import Simple
from dsk.components.verifiers import BoxedVerifier, FunctionVerifier
from dsk.core.errors import VerdictError
from dsk.core.run.doubts import doubts
from dsk.core.run.estimates import score
from dsk.core.sampling.verdicts import judge
from dsk.core.spec import OverlongSpec, RewardSpec, RunSpec, SoftClipSpec
from dsk.core.training.batch import shape_scores
from dsk.core.types import Group, Problem, Terminal, Trajectory, Verdict

SCORES = st.integers(0, 100).map(lambda percent: percent / 100)
REWARDS = st.floats(-1, 1)


def member(node: int, reward: float, correct: bool) -> Trajectory:
    """A whole response of one token."""
    return Trajectory(
        *([7], [-0.5], [1], (node,), (reward,), (0.0, 0.0), reward, 0.5, "eos", 0, "direct"), correct=correct
    )


def group_of(rewards: list[float], correct: bool = False) -> Group:
    """Whole responses with these rewards, means of rewards as training has them."""
    members = tuple(member(node, reward, correct) for node, reward in enumerate(rewards, start=1))
    return shape_scores(Group(Problem("p", "q", "a"), (1,), members, "direct"), SoftClipSpec(), OverlongSpec(), 8)


@given(SCORES, st.booleans())
def test_graded_rewards_are_linear_in_the_score_and_binary_ones_are_the_verdict(share, correct):
    found = Verdict(correct, None, "r", share)
    assert RewardSpec(scale="graded").of(found) == 2 * share - 1
    assert RewardSpec().of(found) == (1.0 if correct else -1.0)


def test_three_tenths_are_minus_four_tenths():
    assert RewardSpec(scale="graded").of(Verdict(False, None, "r", 0.3)) == -0.4


@given(st.lists(SCORES, min_size=1, max_size=9))
def test_the_mean_score_comes_back_from_rewards(shares):
    graded = RewardSpec(scale="graded")
    rewards = [graded.of(Verdict(False, None, "r", share)) for share in shares]
    assert graded.mean_score(rewards) == pytest.approx(sum(shares) / len(shares))
    assert RewardSpec().mean_score(rewards) is None
    assert graded.mean_score([]) is None


@pytest.mark.parametrize("found", [-1.0, 1.5, math.nan, "0.3", True])
def test_a_score_beyond_0_to_1_is_refused_and_minus_one_is_not_taken_for_none(found):
    class Session:
        def verify(self, items):
            return [Verdict(False, None, "r", found)]

    with pytest.raises(VerdictError, match="score = "):
        judge(Session(), [(Problem("p", "q", "a"), "r")])


def slow_constrained(q: float, r: float, gamma: float) -> float:
    """Eqs. 3-5 case by case."""
    if q < 0 < r:
        return gamma * r
    return q if r < 0 < q else q + gamma * r


def slow_simple(q: float, r: float, gamma: float) -> float:
    agree = (q >= 0 and r >= 0) or (q <= 0 and r <= 0)
    return q + gamma * r if agree else max(q + gamma * r, 0.0)


SLOW = [(Constrained(), slow_constrained), (Simple(), slow_simple), (Mean(), lambda q, r, gamma: q + r)]


@pytest.mark.parametrize(("backup", "slow"), SLOW, ids=lambda part: getattr(part, "kind", ""))
@given(st.lists(st.tuples(st.sampled_from([-2.5, -0.4, 0.0, 0.3, 7.0]), st.floats(0.1, 1)), min_size=1), REWARDS)
def test_backups_of_graded_rewards_are_the_equations_node_by_node(backup, slow, path, reward):
    values, decay = (np.asarray(column) for column in zip(*path, strict=True))
    found = backup.update(values, np.zeros(len(path), int), reward, decay)
    assert found == pytest.approx([slow(q, reward, gamma) for q, gamma in path], abs=1e-12)


def test_one_half_changes_no_value():
    values = np.asarray([-1.0, 0.0, 2.0])
    for backup in (Constrained(), Simple(), Mean()):
        assert backup.update(values, np.ones(3, int), 0.0, np.ones(3)).tolist() == values.tolist()


@given(REWARDS, st.integers(2, 40))
def test_equal_rewards_have_advantages_of_exactly_0(reward, size):
    group = group_of([reward] * size)
    for advantage in (OutcomeAdvantage(), OutcomeAdvantage(normalisation="mean_std"), MonteCarloAdvantage()):
        assert advantage.values(group) == [[0.0]] * size


@given(st.lists(SCORES, min_size=2, max_size=8))
def test_advantages_of_graded_rewards_are_the_written_out_ones(shares):
    rewards = [2 * share - 1 for share in shares]
    mean = sum(rewards) / len(rewards)
    deviation = math.sqrt(sum((r - mean) ** 2 for r in rewards) / (len(rewards) - 1)) or 1.0
    group = group_of(rewards)
    for advantage in (OutcomeAdvantage(), NodeAdvantage(), MonteCarloAdvantage()):
        assert [value for (value,) in advantage.values(group)] == pytest.approx([r - mean for r in rewards], abs=1e-12)
    found = [value for (value,) in OutcomeAdvantage(normalisation="mean_std").values(group)]
    if max(rewards) - min(rewards) > 1e-6:
        assert found == pytest.approx([(r - mean) / deviation for r in rewards], abs=1e-9)


def test_rounding_is_not_divided_by_its_own_deviation():
    found = OutcomeAdvantage(normalisation="mean_std").values(group_of([0.1 + 0.2, 0.3, 0.3]))
    assert max(abs(value) for (value,) in found) < 1e-15


def test_unsolved_speaks_of_correct_answers_whatever_their_rewards():
    rewards = [-0.4, 0.6]
    assert NodeAdvantage(unsolved="skip").values(group_of(rewards)) == [[0.0], [0.0]]
    assert NodeAdvantage(unsolved="skip").values(group_of(rewards, correct=True)) == [[-0.5], [0.5]]


@given(st.lists(SCORES, min_size=1, max_size=6), st.data())
def test_means_of_graded_terminals_are_those_below_each_node(shares, data):
    rewards = [2 * share - 1 for share in shares]
    paths = [(data.draw(st.integers(1, 2)), 10 + number) for number in range(len(shares))]
    ends = tuple(Terminal(path, reward, 2, correct=False) for path, reward in zip(paths, rewards, strict=True))
    first = Trajectory([7, 7], [-1, -1], [1, 1], paths[0], (0.0, 0.0), (0.0,) * 3, rewards[0], 1.0, "eos", 0, "search")
    group = Group(Problem("p", "q", "a"), (1,), (first,), "search", terminals=ends)
    shaped = shape_scores(group, SoftClipSpec(), OverlongSpec(), 8)
    below = [r for path, r in zip(paths, rewards, strict=True) if path[0] == paths[0][0]]
    means = (sum(rewards) / len(rewards), sum(below) / len(below), rewards[0])
    assert shaped.trajectories[0].mean_rewards == pytest.approx(means, abs=1e-12)
    assert MonteCarloAdvantage().values(shaped)[0] == pytest.approx([b - a for a, b in pairwise(means)], abs=1e-12)


def test_an_evaluation_tells_the_mean_score_where_it_says_more():
    assert score([0.5, 1.0], 2, [0.6, 1.0]).mean_score == 0.8
    assert score([0.5, 1.0], 2, [None, None]).mean_score is None
    item = Answered(Problem("p", "q", "a"), ("x", "y"), (None, None), (True, False), (1, 1), (False, False), (1.0, 0.3))
    plain = Answered(
        Problem("p", "q", "a"), ("x", "y"), (None, None), (True, False), (1, 1), (False, False), (1.0, 0.0)
    )
    found = summarise([item, plain], [1])
    assert found.mean_score == pytest.approx((1 + 0.3 + 1 + 0) / 4)
    assert result_row(found)["score,none"] == found.mean_score
    assert next(sample_rows([item]))["scores"] == [1.0, 0.3]
    assert summarise([plain], [1]).mean_score is None


def graded(folder, lift):
    """A run's folder whose evaluations have scores: each problem's share, and `lift` of what it lacks."""
    for path in (folder / "rounds").glob("evaluation_*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows = [{**row, "score": row["rate"] + lift * (1 - row["rate"])} for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    for event in events:
        if event["event"] == "evaluation":
            event["mean_score"] = event["pass_at_1"] + lift * (1 - event["pass_at_1"])
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def test_runs_with_scores_are_compared_by_their_mean_score_too(tmp_path):
    arms = [
        Arm(name, (read_run(graded(write_run(tmp_path / name, steady(0.1, 0)), lift)),))
        for name, lift in (("low", 0.1), ("high", 0.4))
    ]
    found = compare(arms)
    assert found.metrics == ("pass_at_1", "mean_score")
    means = {row.arm: row.estimates["mean_score"] for row in found.rows}
    share = found.rows[0].estimates["pass_at_1"].mean
    assert means["low"].mean == pytest.approx(share + 0.1 * (1 - share))
    assert means["high"].mean == pytest.approx(share + 0.4 * (1 - share))
    assert means["high"].problems == 16


def test_runs_without_scores_are_compared_as_ever(tmp_path):
    runs = [read_run(write_run(tmp_path / name, steady(0.1, 0))) for name in ("a", "b")]
    assert compare([Arm(run.name, (run,)) for run in runs]).metrics == ("pass_at_1",)


def spec(**changes):
    return RunSpec.model_validate(
        {"name": "t", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}, **changes}
    )


def test_a_run_is_told_that_it_trains_without_the_scores():
    judged = FunctionVerifier(reward="m:f")
    assert [line for line in doubts(spec(verifier=judged)) if line.startswith("rewards.scale: 'binary'")]
    for quiet in (spec(verifier=judged, rewards={"scale": "graded"}), spec(verifier=BoxedVerifier())):
        assert [line for line in doubts(quiet) if line.startswith("rewards.scale")] == []
