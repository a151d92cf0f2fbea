"""What is counted is what was spent.

1. Computed tokens: the model's first layer, wrapped, counts the same, phase by phase and under every rollout.
2. Charged tokens: summed up anew from what the run left on disk.
3. An update without anything to learn is no update; a mean is over the groups that have the figure.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import torch
from small_run import Contains, save_model, small_spec
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

import dsk
from dsk.core.run.records import read_jsonl
from dsk.core.run.sampling import Sampling
from dsk.core.run.session import Session
from dsk.core.run.stored_groups import read_groups

TRAIN = {
    "batch_problems": 4,
    "mini_batch_problems": 2,
    "micro_batch_tokens": 40,
    "optimizer": {"lr": 1e-2, "warmup_steps": 0},
}
ROUNDS = {"count": 3, "steps": 2}
TREE = {"kind": "tree", "width": 2, "max_depth": 3, "step_tokens": 4, "trajectories": 3}
MODES: dict[str, dict[str, Any]] = {
    "search and replay": {},
    "direct": {"rollout": {"kind": "direct", "samples": 4}, "replay": None},
    "direct and replay": {"rollout": {"kind": "direct", "samples": 4}, "admit": "all"},
    "prefixes": {"replay": {"kind": "prefix", "rollout": {"kind": "direct", "samples": 3}}},
    "trees after prefixes": {"replay": {"kind": "prefix", "rollout": {**TREE, "max_depth": 2}}},
    "every terminal": {"rollout": {**TREE, "trajectories": 5, "record": "all"}},
    "steps cut by surprise": {"rollout": {**TREE, "max_depth": 4, "boundary": {"kind": "surprise"}}},
    "dense": {"train": {**TRAIN, "packing": "dense"}},
    "checkpointing": {"train": {**TRAIN, "gradient_checkpointing": True}},
    "KL to a copy": {"train": {**TRAIN, "loss": {"kind": "grpo", "kl_coef": 0.1}}},
    "KL without the adapters": {
        "train": {**TRAIN, "loss": {"kind": "grpo", "kl_coef": 0.1}},
        "lora_rank": 2,
    },
    "entropy": {"train": {**TRAIN, "loss": {"kind": "grpo", "entropy_coef": 0.1}}},
    "value head": {
        "rollout": {**TREE, "prune_below": 0.5},
        "scorer": {"kind": "value_head", "warmup_updates": 1},
        "train": {**TRAIN, "advantage": "outcome"},
    },
    "value head for free": {
        "scorer": {"kind": "value_head", "silent": False},
        "train": {**TRAIN, "advantage": "outcome"},
    },
    "anchors": {"train": {**TRAIN, "loss": {"kind": "tree_grpo", "correction": "truncate"}}},
    "temperature": {"sampling": {"temperature": 0.7}},
    "a small cache": {"engine": {"kind": "transformers", "max_rows": 3, "cache_bytes": 400_000}},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


class Meter:
    """Tokens through the first layer by phase, and those that gradients go back through; the session at its end."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.tokens: Counter[str] = Counter()
        self.with_gradient = 0
        self.phase = "other"
        layer, sample, finish = LlamaDecoderLayer.forward, Sampling.run, Session.finish

        def counted(this, hidden, *args, **kwargs):
            if this.self_attn.layer_idx == 0 and "watched" not in kwargs:  # two tokens that show what layers pass on
                self.tokens[self.phase] += hidden.shape[0] * hidden.shape[1]
                self.with_gradient += hidden.shape[0] * hidden.shape[1] * torch.is_grad_enabled()
            return layer(this, hidden, *args, **kwargs)

        def named(this, phase, jobs):
            self.phase = phase
            try:
                return sample(this, phase, jobs)
            finally:
                self.phase = "other"

        def kept(this, summary):
            self.engine, self.trainer = this.parts.engine.stats(), this.parts.learner
            return finish(this, summary)

        patch.setattr(LlamaDecoderLayer, "forward", counted)
        patch.setattr(Sampling, "run", named)
        patch.setattr(Session, "finish", kept)


def spec_of(model, mode: str) -> dsk.RunSpec:
    changes = dict(MODES[mode])
    place = {"path": str(model), "device": "cpu", "lora_rank": changes.pop("lora_rank", 0)}
    return small_spec(model, **{"model": place, "rounds": ROUNDS, "train": TRAIN, "probe_bound": 5.0} | changes)


@pytest.fixture(scope="module", params=MODES)
def metered(request, model, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        meter = Meter(patch)
        spec = spec_of(model, request.param)
        run = dsk.run(spec, tmp_path_factory.mktemp("run") / "run")
    return spec, run, meter


def test_computed_tokens_are_those_of_the_wrapped_model(metered):
    _, run, meter = metered
    assert meter.engine.forward_tokens + meter.trainer.forward_tokens == sum(meter.tokens.values())
    budgeted = sum(meter.tokens.values()) - meter.tokens["evaluate"]
    assert run.summary["computed_tokens"] == budgeted + 2 * meter.trainer.backward_tokens


def test_tokens_with_gradient_are_those_of_the_wrapped_model(metered):
    spec, _, meter = metered
    again = 2 if spec.train.gradient_checkpointing else 1
    assert meter.with_gradient == again * meter.trainer.backward_tokens


def test_charged_tokens_are_what_the_run_left_on_disk(metered):
    """Sampled in screening and for training, what was given once where it is shared, replays, probes, anchors,
    references."""
    spec, run, _ = metered
    summary, updates = run.summary, [r for r in run.records if r["event"] == "update"]
    screened = [list(read_jsonl(path)) for path in sorted(run.folder.glob("rounds/*/screen.jsonl"))]
    steps = [read_groups(path) for path in sorted(run.folder.glob("trees/??????.jsonl.zst"))]
    prompts = {problem.id: prompt_of(problem.id) for problem in spec.task.problems("train")}
    sampled = sum(row["tokens"] for rows in screened for row in rows)
    given = sum(prefixes([prompts[row["id"]] for row in rows]) for rows in screened)
    assert summary["screening_tokens"] == sampled + given
    replayed = [(g, t) for groups in steps for g in groups for t in g.trajectories if t.origin == "cached"]
    asked = [[g for g in groups if any(t.origin != "cached" for t in g.trajectories)] for groups in steps]
    assert summary["sampled_tokens"] == sampled + sum(int(g.stats["tokens"]) for groups in steps for g in groups)
    assert summary["prefix_tokens"] == given + sum(prefixes([given_to(g) for g in groups]) for groups in asked)
    assert summary["trained_tokens"] == sum(r["unique_tokens"] for r in updates)
    probes = 2 * len(next(iter(prompts.values()))) * summary["steps"]
    scored = probes + sum(len(g.prompt_tokens) + len(t.tokens) for g, t in replayed)
    references = summary["trained_tokens"] if spec.train.loss.needs_reference else 0
    for_the_head = sum(r.get("value_tokens", 0) for r in updates)
    assert bool(for_the_head) == (spec.scorer.head is not None and spec.scorer.head.silent)
    assert summary["scored_tokens"] == scored + references + anchored(spec, updates) + for_the_head
    parts = ("sampled_tokens", "prefix_tokens", "scored_tokens")
    assert summary["model_tokens"] == sum(summary[name] for name in parts) + 3 * summary["trained_tokens"]


def anchored(spec: dsk.RunSpec, updates: list[dict[str, Any]]) -> int:
    """Tokens of the steps that have several updates, where their old log-probabilities are the trainer's own."""
    if not spec.train.loss.needs_recompute and spec.sampling.temperature == 1:
        return 0
    several = {r["step"] for r in updates if r["mini_batch"] > 0}
    return sum(r["unique_tokens"] for r in updates if r["step"] in several)


def given_to(group: dsk.Group) -> tuple[int, ...]:
    """What a group's responses were sampled after: the prompt, and the prefix where it has one."""
    first = group.trajectories[0]
    return (*group.prompt_tokens, *first.tokens[: first.given].tolist())


def prompt_of(letter: str) -> tuple[int, ...]:
    from tiny_models import char_tokenizer

    return tuple(char_tokenizer().encode(f"{letter}=", add_special_tokens=False))


def prefixes(prompts: list[tuple[int, ...]]) -> int:
    """How many distinct beginnings they have: what an ideal cache encodes."""
    return len({prompt[: end + 1] for prompt in prompts for end in range(len(prompt))})


def test_the_record_shows_both_kinds_and_their_ratio(metered):
    _, run, _ = metered
    for record in run.records:
        if record["event"] in ("step", "evaluation") and record["model_tokens"]:
            ratio = record["computed_tokens"] / record["model_tokens"]
            assert record["computed_ratio"] == pytest.approx(ratio, abs=1e-4)


class Never(Contains):
    kind = "never"

    def verify(self, items):
        return [dsk.Verdict(False, None, "different") for _ in items]


def test_updates_are_those_that_were_applied(model, tmp_path):
    spec = small_spec(model, rollout="direct", verifier=Never(), rounds={"count": 1, "steps": 3})
    run = dsk.run(spec, tmp_path / "never")
    assert (run.summary["updates"], run.summary["skipped_updates"]) == (0, 6)
    steps = [r for r in run.records if r["event"] == "step"]
    assert [(r["updates"], r["update_applied"], r["update_skipped"]) for r in steps] == [(0, 0, 2)] * 3
    assert not any("update_loss" in r or "update_grad_norm" in r for r in steps)


def test_a_mean_is_over_the_groups_that_have_the_figure(model, tmp_path):
    run = dsk.run(small_spec(model, rounds={"count": 3, "steps": 2}), tmp_path / "run")
    mixed = 0
    for record in [r for r in run.records if r["event"] == "step"]:
        groups = read_groups(run.folder / "trees" / f"{record['step'] - 1:06d}.jsonl.zst")
        names = {name for g in groups for name in g.stats} - {"filtered"}
        assert {f"tree_{name}" for name in names} == {name for name in record if name.startswith("tree_")}
        for name in names:
            having = [g.stats[name] for g in groups if name in g.stats]
            assert record[f"tree_{name}"] == pytest.approx(sum(having) / len(having))
            mixed += len(having) < len(groups)
        assert all(isinstance(record[name], int) for name in ("problems", "solved", "replayed", "update_groups"))
    assert mixed


def test_events_are_plain_json(model, tmp_path):
    run = dsk.run(small_spec(model, rounds={"count": 1, "steps": 1}), tmp_path / "run")
    for line in (run.folder / "events.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
