"""A run with a subset, weights and adjustments: on disk and in the ledger."""

from __future__ import annotations

import pytest
from small_run import save_model, small_spec

import dsk
from dsk.core.run.plan import placed
from dsk.core.run.stored_groups import read_groups

TRAIN = {
    "batch_problems": 4,
    "mini_batch_problems": 2,
    "micro_batch_tokens": 60,
    "optimizer": {"lr": 1e-3, "warmup_steps": 0},
    "advantage": {"kind": "outcome"},
    "weight": "unique",
    "subset": {"kind": "correct_first", "size": 2},
    "adjustments": [{"kind": "unfinished"}, {"kind": "confident_mask"}, {"kind": "whiten"}],
}
DIRECT = {"kind": "direct", "samples": 4}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


def groups_of(run):
    return [group for path in sorted(run.folder.glob("trees/??????.jsonl.zst")) for group in read_groups(path)]


@pytest.fixture(scope="module")
def spec(model):
    return small_spec(model, train=TRAIN, rollout=DIRECT, replay=None, rounds={"count": 1, "steps": 2})


@pytest.fixture(scope="module")
def run(spec, tmp_path_factory):
    return dsk.run(spec, tmp_path_factory.mktemp("run") / "run")


def test_groups_keep_the_chosen_trajectories_and_all_ends(run):
    groups = groups_of(run)
    assert {len(group.trajectories) for group in groups} == {2}
    assert {len(group.terminals) for group in groups} == {4}
    for group in groups:
        assert group.solved == any(end.correct for end in group.terminals), "a correct one is kept where there is one"
        assert {t.node_ids for t in group.trajectories} <= {end.path for end in group.terminals}


def test_the_choice_is_the_same_again(spec, run, tmp_path):
    again = dsk.run(spec, tmp_path / "again")
    assert groups_of(again) == groups_of(run)


def test_trained_tokens_are_those_that_were_computed(run):
    updates = [record for record in run.records if record["event"] == "update"]
    assert run.summary["trained_tokens"] == sum(record["unique_tokens"] for record in updates)
    assert all(record["response_tokens"] <= record["batch_tokens"] for record in updates)


def test_the_plan_names_every_part(spec):
    named = {path: part.kind for path, part in placed(spec)}
    assert named["train.subset"] == "correct_first"
    assert [named[f"train.adjustments.{place}"] for place in range(3)] == ["unfinished", "confident_mask", "whiten"]
