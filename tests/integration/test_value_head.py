"""The policy's value head.

1. What sampling says is what a plain forward pass says of the state that each token was drawn from.
2. Its loss, Brier score and area are those of a slow formula over every verified end, and training lowers the loss.
3. Detached, it changes no bit of the policy; `through` adds that multiple of its own gradient.
4. It goes through checkpoints to the byte.
5. What cannot work is refused in one line before anything starts.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_run import save_model, small_spec
from tiny_models import FAMILIES, tiny_policy
from torch.nn.functional import binary_cross_entropy_with_logits

import dsk
from dsk.components.advantages import NodeAdvantage
from dsk.components.engines.transformers import Transformers
from dsk.components.losses import TreeGRPO
from dsk.core.errors import EngineError, NonFiniteLossError, SpecError
from dsk.core.loading import parse_spec
from dsk.core.model.adapters import add_lora
from dsk.core.model.policy import load_policy
from dsk.core.model.weights import Weights
from dsk.core.roles import HeadFields
from dsk.core.run.doubts import doubts
from dsk.core.spec import ModelSpec, TrainSpec
from dsk.core.training.trainer import Trainer
from dsk.core.types import Group, Problem, SampleRequest, Terminal, Trajectory
from dsk.testing.engine import finish
from tests.tree_rows import VOCABULARY

FIELDS = HeadFields(warmup_updates=0)
PROMPT = (3, 4)
STEM, RIGHT, WRONG = (5, 6, 7), (8, 9), (10, 11)
"""A toy tree: the stem goes on right or wrong, and each of them has ends."""


def headed(policy, seed: int = 0, **fields):
    """With a head of random weights."""
    policy.attach_head(FIELDS.model_copy(update=fields))
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policy.value_head.parameters():
            parameter.normal_(0, 0.3, generator=draw)
    return policy


@torch.no_grad()
def plain_values(policy, prefix, tokens) -> list[float]:
    """One uncached forward; the state that each of `tokens` is drawn from."""
    ids = torch.tensor([[*prefix, *tokens]])
    hidden = policy.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
    return policy.value_head.values(hidden[len(prefix) - 1 : -1]).tolist()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("engine", [{}, {"max_rows": 3, "cache_bytes": 1 << 18}], ids=["roomy", "sent back"])
def test_sampling_says_what_a_plain_forward_says(family, engine):
    policy = headed(replace(tiny_policy(family), eos_ids=()), hidden=4)
    first = SampleRequest("a", tuple(policy.encode("(1+2)*3=")), n=5, max_tokens=9, seed=1)
    with Transformers.model_validate(engine).open(policy) as session:
        (chosen, *_) = samples = finish(session, first)["a"]
        below = replace(first, id="b", prefix=first.prefix + chosen.tokens, max_tokens=1, seed=2)
        deeper = replace(first, id="c", prefix=first.prefix + chosen.tokens, seed=3)
        done = finish(session, below, deeper)
    for request, found in ((first, samples), (below, done["b"]), (deeper, done["c"])):
        for sample in found:
            assert sample.values == pytest.approx(plain_values(policy, request.prefix, sample.tokens), abs=1e-5)
            assert sample.value == sample.values[-1]


def test_a_policy_without_a_head_and_a_head_that_is_not_ready_say_nothing():
    silent = headed(tiny_policy(), warmup_updates=1)
    for policy in (tiny_policy(), silent):
        with Transformers().open(policy) as session:
            (sample,) = finish(session, SampleRequest("a", (5, 6), 1, 4, 0))["a"]
        assert (sample.values, sample.value) == ((), None)


def test_a_sync_brings_the_heads_weights_and_its_readiness():
    policy, other = headed(tiny_policy(), warmup_updates=1), headed(tiny_policy(seed=1), seed=1, warmup_updates=1)
    other.value_head.updates += 1
    request = SampleRequest("a", (5, 6, 7), 2, 4, 0)
    with Transformers().open(policy) as session:
        session.sync(Weights(other.model, other.value_head), 1)
        for sample in finish(session, request)["a"]:
            assert sample.values == pytest.approx(plain_values(other, request.prefix, sample.tokens), abs=1e-5)
        with pytest.raises(EngineError, match="both have a value head, or neither"):
            session.sync(Weights(other.model), 2)


def toy(right: float = 1.0, wrong: float = -1.0, problem: str = "p") -> Group:
    """Two ends below the right step, three below the wrong one, one of which no trajectory has."""
    members: list[Trajectory] = []
    for node, (step, reward, count) in enumerate(((RIGHT, right, 2), (WRONG, wrong, 2)), start=2):
        for number in range(count):
            tokens = (*STEM, *step, 12 + number, 14)
            ids = (1, node, 2 * node + number)
            members.append(
                Trajectory(
                    tokens=np.asarray(tokens), logprobs=np.full(7, -3.5), node_lengths=np.asarray([3, 2, 2]),
                    node_ids=ids, values=(0.1, 0.2 * reward, reward), mean_rewards=(0.0,) * 4, reward=reward,
                    entropy=1.0, stop="eos", version=0, origin="search",
                )
            )  # fmt: skip
    ends = (*(Terminal(t.node_ids, t.reward, 7) for t in members), Terminal((1, 3, 8), wrong, 7))
    return Group(Problem(problem, "?", "!"), PROMPT, tuple(members), "search", terminals=ends)


STEPS = {STEM: [1.0, 1.0, 0.0, 0.0, 0.0], STEM + RIGHT: [1.0, 1.0], STEM + WRONG: [0.0, 0.0, 0.0]}
"""Each step of the toy tree that goes on, and what its verified ends were worth."""


def train(**fields) -> TrainSpec:
    optimizer = {"lr": 1e-3, "warmup_steps": 0, "grad_clip": 1e9}
    base = {"loss": TreeGRPO.model_validate({}), "advantage": NodeAdvantage(), "optimizer": optimizer}
    return TrainSpec.model_validate(base | fields)


def made(lora: bool = False, **fields):
    policy = tiny_policy("qwen3", vocab=VOCABULARY)
    if lora:
        add_lora(policy.model, 2, 4.0)
    return headed(policy, **fields)


def slow_logits(policy) -> dict[tuple[int, ...], torch.Tensor]:
    """The head's logit before the last token of each step, one forward pass a step."""
    found = {}
    for step in STEPS:
        ids = torch.tensor([[*PROMPT, *step[:-1]]])
        hidden = policy.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
        found[step] = policy.value_head(hidden)[-1]
    return found


@pytest.mark.parametrize("packing", ["dense", "suffix"])
@pytest.mark.parametrize("bound", [200, 20])
@pytest.mark.parametrize("lora", [False, True])
def test_the_record_is_the_slow_formula_over_every_end(packing, bound, lora):
    policy = made(lora)
    with torch.no_grad():
        logits = slow_logits(policy)
    record = Trainer(policy, train(packing=packing, micro_batch_tokens=bound), 32).update([toy()])
    pairs = [(float(logits[step]), worth) for step, ends in STEPS.items() for worth in ends]
    values = [1 / (1 + math.exp(-logit)) for logit, _ in pairs]
    entropies = [-(w * math.log(v) + (1 - w) * math.log(1 - v)) for v, (_, w) in zip(values, pairs, strict=True)]
    squares = [(v - w) ** 2 for v, (_, w) in zip(values, pairs, strict=True)]
    right = [v for v, (_, w) in zip(values, pairs, strict=True) if w]
    wrong = [v for v, (_, w) in zip(values, pairs, strict=True) if not w]
    won = [(r > f) + 0.5 * (r == f) for r in right for f in wrong]
    assert record["value_steps"] == 3
    assert record["value_loss"] == pytest.approx(np.mean(entropies), abs=1e-6)
    assert record["value_brier"] == pytest.approx(np.mean(squares), abs=1e-6)
    assert record["value_auc"] == pytest.approx(np.mean(won), abs=1e-9)


@pytest.mark.parametrize("lora", [False, True])
def test_training_lowers_the_loss_and_orders_the_steps(lora):
    policy = made(lora, lr=0.05)
    trainer = Trainer(policy, train(optimizer={"lr": 1e-9, "warmup_steps": 0}), 32)
    losses = [trainer.update([toy()])["value_loss"] for _ in range(60)]
    logits = slow_logits(policy)
    assert losses[-1] < 0.7 * losses[0]
    assert logits[STEM + RIGHT] > logits[STEM] > logits[STEM + WRONG]
    assert int(policy.value_head.updates) == 60


def test_a_group_without_signal_teaches_the_head_at_the_price_of_its_forward_pass():
    failed, free = toy(-1.0, -1.0), made(silent=False)
    policy = made()
    record = Trainer(policy, train(advantage="outcome"), 32).update([failed])
    assert (record["applied"], record["value_steps"], int(policy.value_head.updates)) == (0, 3, 1)
    # the prompt and both branches as far as their last step, the stem once
    assert record["value_tokens"] == len(PROMPT) + len(STEM) + len(RIGHT) + len(WRONG)
    assert "value_auc" not in record
    assert "value_loss" not in Trainer(free, train(advantage="outcome"), 32).update([failed])


def test_replayed_solutions_teach_nothing():
    record = Trainer(made(), train(), 32).update([replace(toy(), origin="cached")])
    assert record["applied"] == 1
    assert not any(name.startswith("value") for name in record)


def updated(policy, groups, **fields) -> dict[str, torch.Tensor]:
    Trainer(policy, train(**fields), 32).update(groups)
    return dict(policy.model.named_parameters())


@pytest.mark.parametrize("lora", [False, True])
def test_detached_it_changes_no_bit_of_the_policy(lora):
    groups = [toy(), toy(-1.0, -1.0, "q")]
    without = made(lora)
    without.value_head = None
    expected = updated(without, groups, micro_batch_tokens=20)
    for silent in (True, False):
        found = updated(made(lora, silent=silent), groups, micro_batch_tokens=20)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def policy_gradients(through: float, monkeypatch) -> dict[str, torch.Tensor]:
    policy = made(through=through)
    trainer, kept = Trainer(policy, train(), 32), {}

    def keep():
        kept.update({n: p.grad.double().clone() for n, p in policy.model.named_parameters() if p.grad is not None})

    monkeypatch.setattr(trainer.optimizer, "step", keep)
    trainer.update([toy()])
    return kept


def test_through_adds_so_much_of_the_heads_own_gradient(monkeypatch):
    apart, once, twice = (policy_gradients(through, monkeypatch) for through in (0.0, 1.0, 2.0))
    policy = made()
    loss = sum(
        binary_cross_entropy_with_logits(logit, logit.new_tensor(worth))
        for step, logit in slow_logits(policy).items()
        for worth in STEPS[step]
    ) / sum(map(len, STEPS.values()))
    loss.backward()  # pyright: ignore[reportAttributeAccessIssue]
    moved = 0.0
    for name, parameter in policy.model.named_parameters():
        own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert torch.allclose(once[name] - apart[name], own.double(), atol=1e-5), name
        assert torch.allclose(twice[name] - apart[name], 2 * own.double(), atol=1e-5), name
        moved += float(own.abs().sum())
    assert moved > 0.1


def test_checkpoints_hold_the_head_to_the_byte(tmp_path):
    first = Trainer(made(hidden=3), train(), 32)
    for _ in range(3):
        first.update([toy()])
    first.checkpoint(tmp_path)
    again = Trainer(made(hidden=3, seed=5), train(), 32)
    again.restore(tmp_path)
    records = [trainer.update([toy()]) for trainer in (first, again)]
    names = [name for name in records[0] if name.startswith("value")]
    assert len(names) == 5
    assert [records[0][name] for name in names] == [records[1][name] for name in names]
    states = [trainer.state_dict() for trainer in (first, again)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_loss_that_is_no_number_leaves_policy_and_head_alone():
    policy = made()
    with torch.no_grad():
        policy.value_head.layers[0].bias.fill_(math.nan)
    before = {name: p.detach().clone() for name, p in policy.model.named_parameters()}
    with pytest.raises(NonFiniteLossError, match="value head's loss is nan"):
        Trainer(policy, train(), 32).update([toy()])
    assert all(torch.equal(before[name], p) for name, p in policy.model.named_parameters())
    assert all(p.grad is None for p in (*policy.model.parameters(), *policy.value_head.parameters()))


GOOD = {"name": "t", "model": {"path": "m"}, "task": {"kind": "arithmetic"}}
HEAD = {"kind": "value_head"}
BAD = {
    "vllm": (
        {"engine": "vllm", "scorer": HEAD},
        "scorer: 'value_head' has its values with the samples, and engine 'vllm' gives none",
    ),
    "pruning": ({"rollout": {"prune_below": 0.1}}, "scorer: rollout.prune_below needs the scores of steps"),
    "weight": (
        {"replay": {"kind": "tree", "selector": {"score_weight": 1.0}}},
        "scorer: replay.selector needs the scores of steps",
    ),
    "share": ({"rollout": {"prune_below": 1.0}, "scorer": HEAD}, "rollout.prune_below: Input should be less than 1"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_what_cannot_work_is_refused_in_one_line(changes, line):
    with pytest.raises(SpecError) as caught:
        parse_spec(GOOD | changes)
    (told,) = caught.value.problems
    assert line in told
    assert caught.value.exit_code == 2


def test_a_head_that_only_sees_whole_responses_is_a_doubt():
    told = doubts(parse_spec(GOOD | {"rollout": "direct", "scorer": HEAD}))
    assert any(line.startswith("scorer: 'value_head' learns from trees") for line in told)
    assert not any(line.startswith("scorer") for line in doubts(parse_spec(GOOD | {"scorer": HEAD})))


def test_a_run_under_lora_records_the_head_and_what_it_stopped(tmp_path):
    place = {"path": str(save_model(tmp_path / "model")), "device": "cpu", "lora_rank": 2}
    tree = {"kind": "tree", "width": 3, "max_depth": 4, "step_tokens": 3, "trajectories": 3, "prune_below": 0.5}
    spec = small_spec(
        tmp_path, model=place, rollout=tree, scorer={**HEAD, "warmup_updates": 1}, rounds={"count": 1, "steps": 3}
    )
    steps = [r for r in dsk.run(spec, tmp_path / "run").records if r["event"] == "step"]
    assert "tree_score" not in steps[0]
    assert all(0 < r["tree_score"] < 1 and r["tree_unscored"] == 0 for r in steps[1:])
    assert all(r["update_value_steps"] > 0 and r["update_value_loss"] > 0 for r in steps)
    assert sum(r["tree_pruned"] for r in steps) > 0


@pytest.mark.full
def test_the_bundled_model_trains_with_a_head_and_goes_on_after_a_stop(tmp_path):
    data = json.loads((dsk_root() / "examples/quickstart.json").read_text())
    data["model"]["device"] = "cpu"
    data["scorer"] = HEAD | {"warmup_updates": 4}
    data["rollout"] |= {"prune_below": 0.15, "selector": {"kind": "frontier", "score_weight": 0.5}}
    data |= {"rounds": {"count": 1, "steps": 4}, "evaluate": {"samples": 1, "problems": 16}}
    run = dsk.run(parse_spec(data), tmp_path / "run")
    updates = [r for r in run.records if r["event"] == "update"]
    assert all(0 <= r["value_brier"] <= 1 for r in updates)
    assert sum(r["tree_pruned"] for r in run.records if r["event"] == "step") > 0
    policy = load_policy(ModelSpec(path=str(run.folder / "final"), device="cpu"))
    assert policy.value_head is None


def dsk_root():
    from pathlib import Path

    return Path(__file__).parents[2]
