"""What is trained and judged is what was meant.

1. Held-out problems are sampled from their own prompts, also where both splits number their rows alike; a test set that
   is not held out is named.
2. A cached solution of another tokenizer is encoded again from its text, and that is said.
3. The overlong penalty and the garbled filter act under every advantage.
4. What a `prefix` rollout gives is attended to and never trained: as if the prompt ended after it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, make_search
from scripted_search import run as finish
from small_run import save_model, small_spec

import dsk
from dsk.components.advantages import MonteCarloAdvantage, NodeAdvantage, OutcomeAdvantage
from dsk.components.losses import GRPO, GSPO, DrGRPO, TreeGRPO
from dsk.components.rollouts.prefix import Prefix
from dsk.components.rollouts.tree import Tree
from dsk.core.roles import Failure, Filter, Known, Loss, Solution
from dsk.core.run.sampling import Sampling
from dsk.core.run.stored_groups import read_groups
from dsk.core.sampling.filtering import without_garbled
from dsk.core.spec import OverlongSpec, SoftClipSpec, TrainSpec
from dsk.core.training.batch import overlong_penalty, prepare, shape_scores
from dsk.core.training.packing.layout import DensePacking
from dsk.core.training.packing.suffix import SuffixPacking
from dsk.core.training.trainer import Trainer
from dsk.core.types import Group, Problem, Question, Trajectory, Verdict


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
    original, asked = Sampling.run, []

    def seen(self, phase, jobs):
        asked.extend((phase, job.problem.prompt, self.parts.policy.decode(job.known.prompt)) for job in jobs)
        return original(self, phase, jobs)

    monkeypatch.setattr(Sampling, "run", seen)
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
    seen = [(t.origin, g.problem.id, tuple(t.tokens.tolist())) for g in groups for t in g.trajectories]
    found, replayed = ({(name, tokens) for o, name, tokens in seen if o == origin} for origin in ("search", "cached"))
    assert replayed
    assert replayed <= found
    assert not [r for r in run.records if r["event"] == "notice"]


SEARCH = Tree.model_validate({"width": 3, "max_depth": 4, "step_tokens": 4, "trajectories": 6})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["one", "all"]))
def test_the_overlong_penalty_is_in_values_rewards_and_means_alike(seed: int, record: str) -> None:
    """Against the definition: the mean of penalised rewards over all verified terminals below each node."""
    search = finish(make_search(SEARCH.model_copy(update={"record": record}), seed), ScriptedPolicy(seed, 0.4, 0.3))
    group, longest = search.group(), 16
    overlong = OverlongSpec(buffer=8, factor=1.0)
    shaped = shape_scores(group, SoftClipSpec(), overlong, longest)
    ends = [
        (search.tree.path(e.node), e.reward + overlong_penalty(search.tree.response_length(e.node), overlong, longest))
        for e in search.verified
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
    short = {"kind": "tree", "width": 2, "max_depth": 3, "step_tokens": 1, "trajectories": 3}
    second = dsk.run(
        small_spec(model, cache=cache, name="second", max_response_tokens=3, rollout=short), tmp_path / "second"
    )
    groups = [g for path in second.folder.glob("trees/??????.jsonl.zst") for g in read_groups(path)]
    assert max(len(t.tokens) for g in groups for t in g.trajectories) <= 3


PROMPT, SOLUTION = (1, 2), Solution((5, 9, 7, 8, 6, 9, 5, 7), "answer")
INNER = {
    "direct": {"kind": "direct", "samples": 5},
    "tree": {"kind": "tree", "width": 3, "max_depth": 4, "trajectories": 5, "record": "all"},
}
LONGEST, VOCABULARY = 64, 1010


class AfterThePrefix(ScriptedPolicy):
    """Judges by what was sampled, so that it does not matter which part of a text was given."""

    def verdict(self, question: Question) -> Verdict:
        return Verdict(self.correct([t for t in question.tokens if t >= 1000]), None, "script")


def continued(inner: str, seed: int, inside: str = "solutions") -> tuple[Group, Group]:
    """A prefix rollout's group, and that of the same rollout on a prompt that ends where the prefix does.

    The one failure is recoverable as far as the one solution is long, so that the same is given of both.
    """
    rollout = Prefix.model_validate({"rollout": INNER[inner], "inside": inside})
    policy, failure = AfterThePrefix(seed, 0.5, 0.5), Failure((*SOLUTION.tokens, 9, 9), len(SOLUTION.tokens))
    known = Known(PROMPT, solutions=(SOLUTION,), failures=(failure,))
    prefixed = finish(rollout.start(PROBLEM, known, seed, SETTING), policy).group()
    prompt = PROMPT + SOLUTION.tokens[: int(prefixed.stats["given_tokens"])]
    return prefixed, finish(rollout.rollout.start(PROBLEM, Known(prompt), seed, SETTING), policy).group()


@pytest.mark.parametrize("inside", ["solutions", "failures"])
@pytest.mark.parametrize("inner", INNER)
def test_a_prefix_rollout_samples_what_its_rollout_would_on_a_longer_prompt(inner, inside):
    for seed in range(20):
        prefixed, plain = continued(inner, seed, inside)
        assert prefixed.stats["from_failure"] == (inside == "failures")
        given = int(prefixed.stats["given_tokens"])
        assert 0.4 * 8 - 1 < given <= 0.8 * 8
        for mine, same in zip(prefixed.trajectories, plain.trajectories, strict=True):
            assert tuple(mine.tokens[:given]) == SOLUTION.tokens[:given]
            assert mine.tokens[given:].tolist() == same.tokens.tolist()
            assert mine.logprobs[given:].tolist() == same.logprobs.tolist()
            assert (mine.given, same.given, mine.entropy) == (given, 0, same.entropy)
            assert (mine.values, mine.mean_rewards, mine.reward) == (same.values, same.mean_rewards, same.reward)
            assert mine.trained.tolist() == [False] * given + [True] * len(same.tokens)


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("packing", [DensePacking(), SuffixPacking()], ids=lambda packing: packing.name)
def test_the_mask_of_a_layout_is_false_on_what_was_given(inner, packing):
    groups = [group for seed in range(4) for group in continued(inner, seed, ("solutions", "failures")[seed % 2])]
    train = TrainSpec.model_validate({"advantage": "outcome"})
    rows = prepare(groups, train, SoftClipSpec(), OverlongSpec(), LONGEST)
    mask = packing.lay_out(rows, torch.device("cpu")).mask
    for row, found in zip(rows, mask.tolist(), strict=True):
        expected = [token >= 1000 for token in row.response.tolist()]
        assert found[: len(expected)] == expected
        assert not any(found[len(expected) :])
        assert not row.advantages[~np.asarray(expected)].any()


def gradient(groups: Sequence[Group], loss: Loss, packing: str) -> torch.Tensor:
    """Of one update from random weights that are not the reference's."""
    made = tiny_models.tiny_policy("llama", vocab=VOCABULARY, dtype=torch.float64)
    settings = {"loss": loss, "packing": packing, "micro_batch_tokens": 200, "optimizer": {"grad_clip": 1e9}}
    trainer, kept = Trainer(made, TrainSpec.model_validate(settings), LONGEST), []
    with torch.no_grad():
        for weight in made.model.parameters():
            weight.mul_(1.05)
    parameters = list(made.model.parameters())
    trainer.optimizer.step = lambda: kept.append(torch.cat([w.grad.flatten() for w in parameters]))
    assert trainer.update(groups)["applied"]
    return kept[0]


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("packing", ["dense", "suffix"])
@pytest.mark.parametrize("kind", [TreeGRPO, GRPO, DrGRPO, GSPO], ids=lambda kind: kind.kind)
def test_gradients_are_those_of_a_prompt_that_contains_the_prefix(kind: type[Loss], packing: str, inner: str) -> None:
    """With a KL and an entropy term; against a batch without the prefix they differ: it is attended to."""
    loss = kind.model_validate({"kl_coef": 0.2, "entropy_coef": 0.05})
    pairs = [continued(inner, seed) for seed in (1, 2, 3)]
    whole = direct_group([(3, 1.0), (4, -1.0)])
    found = gradient([whole, *(prefixed for prefixed, _ in pairs)], loss, packing)
    expected = gradient([whole, *(plain for _, plain in pairs)], loss, packing)
    assert float((found - expected).norm()) <= 1e-9 * float(expected.norm())
    without = gradient([whole, *(replace(plain, prompt_tokens=PROMPT) for _, plain in pairs)], loss, packing)
    assert float((without - expected).norm()) > 1e-3 * float(expected.norm())


@pytest.mark.parametrize("inner", INNER)
def test_a_run_with_prefixes_shows_in_its_trees_what_was_given(model, tmp_path, inner):
    rollout = {"direct": {"kind": "direct", "samples": 3}, "tree": small_spec(model).rollout.dump()}[inner]
    replay = {"kind": "prefix", "rollout": rollout}
    run = dsk.run(small_spec(model, replay=replay, rounds={"count": 3, "steps": 2}), tmp_path / "run")
    groups = [g for path in sorted(run.folder.glob("trees/??????.jsonl.zst")) for g in read_groups(path)]
    solutions = {(g.problem.id, tuple(t.tokens.tolist())) for g in groups for t in g.trajectories if t.correct}
    begun = [g for g in groups if "given_tokens" in g.stats]
    assert begun
    assert len(begun) < len(groups)
    assert all(t.given == 0 for g in groups if g not in begun for t in g.trajectories)
    for group in begun:
        given = int(group.stats["given_tokens"])
        assert (group.stats["fell_back"], group.origin) == (0.0, {"direct": "direct", "tree": "search"}[inner])
        assert {t.given for t in group.trajectories} == {given}
        [prefix] = {tuple(t.tokens[:given].tolist()) for t in group.trajectories}
        assert any(problem == group.problem.id and found[:given] == prefix for problem, found in solutions)
        for t in group.trajectories:
            assert len(t.tokens) <= 12
            assert t.trained.tolist() == [False] * given + [True] * (len(t.tokens) - given)
            assert not t.logprobs[:given].any()
    steps = [record for record in run.records if record["event"] == "step"]
    assert any(record.get("tree_given_tokens", 0) > 0 for record in steps)


@pytest.mark.parametrize("inner", INNER)
def test_a_run_inside_failures_begins_with_a_wrong_response_of_the_problems_last_group(model, tmp_path, inner):
    sampled = {"direct": {"kind": "direct", "samples": 3}, "tree": small_spec(model).rollout.dump()}[inner]
    rollout = {"kind": "prefix", "inside": "failures", "rollout": sampled}
    run = dsk.run(small_spec(model, rollout=rollout, replay=None, rounds={"count": 2, "steps": 3}), tmp_path / "run")
    last: dict[str, Group] = {}
    begun = 0
    for path in sorted(run.folder.glob("trees/??????.jsonl.zst")):
        groups = read_groups(path)
        for group in groups:
            given = int(group.stats["given_tokens"])
            wrong = (
                [t for t in last[group.problem.id].trajectories if not t.correct] if group.problem.id in last else []
            )
            assert group.stats["fell_back"] == (not wrong)
            assert group.stats["from_failure"] == bool(wrong)
            begins = {tuple(t.tokens[:given].tolist()) for t in wrong} or {()}
            for t in group.trajectories:
                assert tuple(t.tokens[:given].tolist()) in begins
                assert not t.trained[:given].any()
            begun += given > 0
        last |= {group.problem.id: group for group in groups}
    assert begun
