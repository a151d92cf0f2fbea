"""What is trained and judged is what was meant.

1. Held-out problems are sampled from their own prompts, also where both splits number their rows alike; a test set that
   is not held out is named.
2. A cached solution of another tokenizer is encoded again from its text, and that is said.
3. The overlong penalty and the garbled filter act under every advantage.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_search import ScriptedPolicy, make_search
from scripted_search import run as finish
from small_run import save_model, small_spec

import dsk
from dsk.components.advantages import MonteCarloAdvantage, NodeAdvantage, OutcomeAdvantage
from dsk.core.roles import Filter
from dsk.core.run.session import Session
from dsk.core.run.stored_groups import read_groups
from dsk.core.sampling.filtering import without_garbled
from dsk.core.spec import OverlongSpec, SoftClipSpec
from dsk.core.training.batch import overlong_penalty, shape_scores
from dsk.core.types import Group, Problem, Trajectory


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


def write_rows(path: Path, rows: Sequence[tuple[int, str, str]]) -> str:
    path.write_text("".join(json.dumps({"id": i, "problem": p, "answer": a}) + "\n" for i, p, a in rows))
    return str(path)


def numbered_alike(folder: Path, shared: int = 0) -> dict[str, str]:
    train = [(i, f"train {i}=", str(i)) for i in range(8)]
    test = [(i, f"train {i}=" if i < shared else f"held out {i}=", str(9 - i)) for i in range(4)]
    files = {"train": write_rows(folder / "train.jsonl", train), "test": write_rows(folder / "test.jsonl", test)}
    return {"kind": "jsonl", "id": "id", **files}


def test_held_out_problems_are_sampled_from_their_own_prompts(model, tmp_path, monkeypatch):
    original, asked = Session.sample, []

    def seen(self, phase, jobs):
        asked.extend((phase, job.problem.prompt, self.policy.decode(job.prompt)) for job in jobs)
        return original(self, phase, jobs)

    monkeypatch.setattr(Session, "sample", seen)
    task = numbered_alike(tmp_path)
    short = {"count": 1, "steps": 1}
    dsk.run(small_spec(model, task=task, verifier={"kind": "numeric"}, rounds=short), tmp_path / "run")
    assert {phase for phase, _, _ in asked} >= {"evaluate", "screen"}
    assert all(prompt == sampled for _, prompt, sampled in asked)
    assert {prompt for phase, prompt, _ in asked if phase == "evaluate"} == {f"held out {i}=" for i in range(4)}


def test_a_test_set_that_shares_problems_with_training_is_named_with_the_count(model, tmp_path):
    task = numbered_alike(tmp_path, shared=3)
    short = {"count": 1, "steps": 1}
    run = dsk.run(small_spec(model, task=task, verifier={"kind": "numeric"}, rounds=short), tmp_path / "run")
    [notice] = [r["text"] for r in run.records if r["event"] == "notice" and "held out" in r["text"]]
    assert notice == (
        "task: 3 of 4 test problems are training problems too (the same prompt), such as '0', '1', '2';"
        " figures on them are not held out"
    )


def test_a_solution_of_another_tokenizer_is_replayed_as_its_text(model, tmp_path, monkeypatch):
    cache = {"kind": "sqlite", "path": str(tmp_path / "shared.sqlite")}
    first = dsk.run(small_spec(model, cache=cache, name="first"), tmp_path / "first")
    assert first.summary["cached_solutions"]
    monkeypatch.setattr(tiny_models, "CHARACTERS", tiny_models.CHARACTERS[::-1])  # the same characters, other ids
    other = save_model(tmp_path / "other")
    second = dsk.run(
        small_spec(other, cache=cache, name="second", rounds={"count": 1, "steps": 2}), tmp_path / "second"
    )
    [notice] = [r["text"] for r in second.records if r["event"] == "notice" and "tokenizer" in r["text"]]
    assert "another tokenizer (run 'first'); they are encoded again from their text" in notice
    tokenizer = tiny_models.char_tokenizer()
    groups = [g for path in sorted(second.folder.glob("trees/??????.jsonl.zst")) for g in read_groups(path)]
    replayed = [(g.problem.answer, t) for g in groups for t in g.trajectories if t.origin == "cached"]
    assert replayed
    for answer, t in replayed:
        text = tokenizer.decode(list(t.tokens), skip_special_tokens=True)
        assert set(text) & {answer, *"0123"}, "what was verified is what is trained"
        assert t.tokens[-1] == tokenizer.eos_token_id


def test_a_runs_own_solutions_are_replayed_token_by_token(model, tmp_path):
    run = dsk.run(small_spec(model, rounds={"count": 3, "steps": 2}), tmp_path / "run")
    groups = [g for path in sorted(run.folder.glob("trees/??????.jsonl.zst")) for g in read_groups(path)]
    found = {(g.problem.id, t.tokens) for g in groups for t in g.trajectories if t.origin == "search"}
    replayed = {(g.problem.id, t.tokens) for g in groups for t in g.trajectories if t.origin == "cached"}
    assert replayed
    assert replayed <= found
    assert not [r for r in run.records if r["event"] == "notice"]


SEARCH = small_spec(Path(), search={"width": 3, "max_depth": 4, "step_tokens": 4, "trajectories": 6}).search


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["one", "all"]))
def test_the_overlong_penalty_is_in_values_rewards_and_means_alike(seed: int, record: str) -> None:
    """Against the definition: the mean of penalised rewards over all verified terminals below each node."""
    search = finish(make_search(SEARCH.model_copy(update={"record": record}), seed), ScriptedPolicy(seed, 0.4, 0.3))
    group, longest = search.group(), 16
    overlong = OverlongSpec(buffer=8, factor=1.0)
    shaped = shape_scores(group, SoftClipSpec(), overlong, longest)
    ends = [
        (search.tree.path(node), reward + overlong_penalty(search.tree.response_length(node), overlong, longest))
        for node, reward in search.verified
    ]
    for before, after in zip(group.trajectories, shaped.trajectories, strict=True):
        penalty = overlong_penalty(len(before.tokens), overlong, longest)
        assert after.reward == before.reward + penalty
        assert after.values[-1] == before.values[-1] + penalty
        for node, mean in zip((0, *before.node_ids), after.mean_rewards, strict=True):
            below = [reward for path, reward in ends if node in path]
            assert math.isclose(mean, sum(below) / len(below), abs_tol=1e-12)
    credit = MonteCarloAdvantage().values(shaped)
    assert credit == [[v - parent for parent, v in pairwise(t.mean_rewards)] for t in shaped.trajectories]


@pytest.mark.parametrize("advantage", [OutcomeAdvantage(), NodeAdvantage(), MonteCarloAdvantage()])
def test_two_right_answers_of_unequal_length_differ_under_every_advantage(advantage):
    group = direct_group([(4, 1.0), (20, 1.0)])
    shaped = shape_scores(group, SoftClipSpec(), OverlongSpec(buffer=10, factor=1.0), 20)
    [[short], [long]] = advantage.values(shaped)
    assert short > 0 > long


class Loops(Filter):
    kind = "loops"

    def reason(self, tokens, text):
        return "looping" if len(set(tokens)) == 1 else None


def direct_group(members: Sequence[tuple[int, float]]) -> Group:
    found = [direct(node, length, reward) for node, (length, reward) in enumerate(members, start=1)]
    return Group(Problem("a", "p", "q"), (1, 2), tuple(found), "direct", {})


def direct(node: int, length: int, reward: float) -> Trajectory:
    tokens = tuple(range(3, 3 + length)) if reward > 0 else (5,) * length
    scores = ((length,), (node,), (reward,), (0.0, reward), reward, 0.5)
    return Trajectory(tokens, (-0.5,) * length, *scores, "eos", 0, "direct")


@pytest.mark.parametrize("advantage", [OutcomeAdvantage(), NodeAdvantage(), MonteCarloAdvantage()])
def test_after_the_filter_every_advantage_sees_what_is_left(advantage):
    group = direct_group([(2, 1.0), (100, -1.0), (100, -1.0), (100, -1.0)])
    [left], dropped = without_garbled([group], Loops(), lambda tokens: "x")
    assert (len(left.trajectories), len(dropped)) == (1, 3)
    assert advantage.values(shape_scores(left, SoftClipSpec(), OverlongSpec(), 200)) == [[0.0]]


def test_a_replayed_solution_longer_than_a_response_may_be_is_left_out(model, tmp_path):
    cache = {"kind": "sqlite", "path": str(tmp_path / "shared.sqlite")}
    dsk.run(small_spec(model, cache=cache, name="first"), tmp_path / "first")
    short = {"width": 2, "max_depth": 3, "step_tokens": 1, "trajectories": 3}
    second = dsk.run(
        small_spec(model, cache=cache, name="second", max_response_tokens=3, search=short), tmp_path / "second"
    )
    groups = [g for path in second.folder.glob("trees/??????.jsonl.zst") for g in read_groups(path)]
    assert max(len(t.tokens) for g in groups for t in g.trajectories) <= 3
