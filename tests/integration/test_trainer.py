"""The trainer.

1. Micro-batches add up to the big batch; packings agree on the updated weights.
2. A group without signal costs no forward pass; nothing to learn means no step.
3. Stopping and non-finite losses leave the weights alone.
4. State goes through safetensors and back, and the next update is the same.
5. bf16 weights move through fp32 masters; LoRA trains adapters only; the model is handed back as it was.
6. A packing that is wrong for the model is refused.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, load_file, save, save_file
from torch import Tensor

from dsk.components.advantages import NodeAdvantage, OutcomeAdvantage
from dsk.components.losses import CISPO, GRPO, GSPO, DrGRPO, Reinforce, TreeGRPO
from dsk.core.errors import CheckpointError, ModelError, NonFiniteLossError, Notice, PackingError, SpecError
from dsk.core.loading import parse_spec
from dsk.core.model.adapters import add_lora, plain_weights
from dsk.core.model.policy import Policy
from dsk.core.roles import Loss
from dsk.core.spec import TrainSpec
from dsk.core.training.trainer import Trainer
from dsk.core.types import Group
from tests.tiny_models import tiny_policy
from tests.tree_rows import VOCABULARY, random_group, trajectory

GROUPS = [random_group(seed) for seed in range(4)]
FLAT = replace(GROUPS[0], trajectories=(trajectory((5, 6), 1.0, (1.0,)), trajectory((7,), 1.0, (1.0,))))


def policy(dtype: torch.dtype = torch.float32) -> Policy:
    made = tiny_policy("qwen3", vocab=VOCABULARY)
    made.model.to(dtype)
    return made


def spec(loss: Loss | None = None, **fields: Any) -> TrainSpec:
    base = {"loss": loss or TreeGRPO.model_validate({}), "advantage": NodeAdvantage()}
    return TrainSpec.model_validate(base | {"optimizer": {"lr": 1e-3, "warmup_steps": 2}} | fields)


def weights(policy: Policy) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in policy.model.named_parameters()}


def trained(train: TrainSpec, groups: Sequence[Group] = GROUPS, updates: int = 1, made: Policy | None = None) -> Any:
    """(the policy, the last record) after some updates on the same groups."""
    made = made or policy()
    trainer = Trainer(made, train, 32)
    for _ in range(updates):
        record = trainer.update(groups)
    return made, record


def assert_close(first: Policy, second: Policy, bound: float) -> None:
    for name, value in weights(first).items():
        assert float((value - weights(second)[name]).abs().max()) <= bound, name


@pytest.mark.parametrize("loss", [TreeGRPO, GRPO, DrGRPO, GSPO, CISPO], ids=lambda loss: loss.kind)
def test_micro_batches_equal_one_big_batch(loss: type[Loss]) -> None:
    made = loss.model_validate({"kl_coef": 0.1, "entropy_coef": 0.1})
    whole, one = trained(spec(made), updates=2)
    parts, many = trained(spec(made, micro_batch_tokens=40), updates=2)
    assert many["micro_batches"] > one["micro_batches"] == 1
    for name in ("loss", "grad_norm", "kl", "entropy", "ratio_min", "ratio_max", "reward", "sharing"):
        assert many[name] == pytest.approx(one[name], rel=1e-5, abs=1e-7), name
    assert_close(whole, parts, 2e-6)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_suffix_and_dense_train_the_same_weights(checkpointing: bool) -> None:
    dense, _ = trained(spec(packing="dense"), updates=3)
    suffix, record = trained(spec(packing="suffix", gradient_checkpointing=checkpointing), updates=3)
    assert_close(dense, suffix, 5e-6)
    assert record["sharing"] > 1


def test_the_first_update_moves_every_weight_against_its_gradient_at_the_warm_up_rate() -> None:
    before = weights(policy())
    after, record = trained(spec(optimizer={"lr": 1e-3, "warmup_steps": 2, "weight_decay": 0.0}))
    assert record["lr"] == pytest.approx(5e-4)
    steps = [(before[name] - value).abs().max() for name, value in weights(after).items()]
    # Adam's first step is the learning rate wherever there is a gradient
    assert float(max(steps)) == pytest.approx(5e-4, rel=0.01)


def test_a_group_without_signal_costs_no_forward_pass() -> None:
    _, alone = trained(spec(), GROUPS[1:])
    _, mixed = trained(spec(), [FLAT, *GROUPS[1:]])
    assert mixed["skipped_groups"] == 1
    assert mixed["computed_tokens"] == alone["computed_tokens"]
    # it counts in the mini-batch's mean all the same
    assert mixed["batch_tokens"] > alone["batch_tokens"] == mixed["response_tokens"]
    assert mixed["loss"] == pytest.approx(alone["loss"] * alone["batch_tokens"] / mixed["batch_tokens"], rel=1e-6)


def test_no_signal_at_all_means_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    made = policy()
    before = weights(made)
    trainer = Trainer(made, spec(), 32)
    monkeypatch.setattr(made.model, "forward", None)
    record = trainer.update([FLAT, FLAT])
    assert record is not None
    assert (record["applied"], record["skipped_groups"], record["reward"]) == (0.0, 2, 1.0)
    assert trainer.optimizer.updates == 0
    assert all(torch.equal(before[name], value) for name, value in weights(made).items())


def test_stopping_between_micro_batches_drops_gradients_and_leaves_weights() -> None:
    made = policy()
    before = weights(made)
    trainer = Trainer(made, spec(micro_batch_tokens=40), 32)
    answers = iter([False, True])
    assert trainer.update(GROUPS, lambda: next(answers)) is None
    assert all(torch.equal(before[name], value) for name, value in weights(made).items())
    assert all(p.grad is None for p in made.model.parameters())
    fresh, record = trained(spec(micro_batch_tokens=40))
    resumed = trainer.update(GROUPS)
    assert resumed is not None
    assert resumed["loss"] == record["loss"]
    assert_close(made, fresh, 0.0)


def test_a_non_finite_loss_stops_before_the_step() -> None:
    made = policy()
    before = weights(made)
    bad = GROUPS[0].trajectories[0]
    broken = replace(
        GROUPS[0], trajectories=(replace(bad, logprobs=(math.nan,) * len(bad.tokens)), *GROUPS[0].trajectories[1:])
    )
    with pytest.raises(NonFiniteLossError, match="update 1: loss nan"):
        Trainer(made, spec(), 32).update([broken])
    assert all(torch.equal(before[name], value) for name, value in weights(made).items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_state_survives_a_file_and_the_next_update_is_the_same(dtype: torch.dtype, tmp_path: Path) -> None:
    made = policy(dtype)
    trainer = Trainer(made, spec(), 32)
    trainer.update(GROUPS)
    save_file(trainer.state_dict(), tmp_path / "optimizer.safetensors")
    twin = copy.deepcopy(made)
    trainer.update(GROUPS[:2])

    resumed = Trainer(Policy(copy_of(twin.model, dtype), None, made.device, (1,), 512, "tiny"), spec(), 32)
    resumed.load_state_dict(load_file(tmp_path / "optimizer.safetensors"))
    resumed.update(GROUPS[:2])
    assert resumed.optimizer.updates == 2
    assert_close(made, resumed.policy, 0.0)


def copy_of(model: Any, dtype: torch.dtype) -> Any:
    """A fresh model with the same weights (a deep copy would keep the first trainer's hooks)."""
    fresh = policy(dtype).model
    fresh.load_state_dict(model.state_dict())
    return fresh


def test_state_of_another_setting_is_refused() -> None:
    half = Trainer(policy(torch.bfloat16), spec(), 32)
    half.update(GROUPS)
    with pytest.raises(CheckpointError, match="fp32 masters do not match"):
        Trainer(policy(), spec(), 32).load_state_dict(half.state_dict())


@pytest.mark.parametrize("fp32", [True, False])
def test_bf16_weights_collect_steps_smaller_than_their_precision(fp32: bool) -> None:
    made = policy(torch.bfloat16)
    small = {"lr": 1e-4, "warmup_steps": 0, "weight_decay": 0.0, "fp32_state": fp32}
    trainer = Trainer(made, spec(optimizer=small), 32)
    for _ in range(3):
        trainer.update(GROUPS)
    state = trainer.state_dict()
    assert bool((made.model.model.norm.weight == 1).all()), "one bf16 step at 1 is 0.004, more than three updates"
    assert ("master.model.norm.weight" in state) == fp32
    assert state["exp_avg.model.norm.weight"].dtype == (torch.float32 if fp32 else torch.bfloat16)
    if fp32:
        assert float((state["master.model.norm.weight"] - 1).abs().max()) == pytest.approx(3e-4, rel=0.05)


def test_a_fixed_seed_gives_the_same_record_twice() -> None:
    timed = {"seconds", "tokens_per_second", "peak_memory_bytes"}
    first, second = ({k: v for k, v in trained(spec(), updates=2)[1].items() if k not in timed} for _ in range(2))
    assert first == second


def test_lora_trains_adapters_only_and_merges_into_plain_weights() -> None:
    made = policy()
    plain = weights(made)
    add_lora(made.model, rank=4, alpha=8.0)
    loss = TreeGRPO.model_validate({"kl_coef": 0.1})
    trainer = Trainer(made, spec(loss), 32)
    first, second = trainer.update(GROUPS), trainer.update(GROUPS)
    assert first is not None
    assert second is not None
    assert first["kl_reference"] == pytest.approx(0.0, abs=1e-9)
    assert second["kl_reference"] > 1e-7
    merged = dict(plain_weights(made.model))
    assert merged.keys() == plain.keys()
    changed = {name for name, value in merged.items() if not torch.equal(value, plain[name])}
    assert changed == {name for name in plain if "_proj" in name}

    twin = policy()
    twin.model.load_state_dict(merged, strict=False)
    twin_scores = Trainer(twin, spec(), 32).score([[3, 4, 5, 6]])[0]
    assert trainer.score([[3, 4, 5, 6]])[0] == pytest.approx(twin_scores, abs=1e-5)


def test_the_model_is_handed_back_as_it_was() -> None:
    made = policy()
    made.model.eval()
    attention = made.model.config._attn_implementation
    trained(spec(packing="suffix", gradient_checkpointing=True), made=made)
    assert made.model.config._attn_implementation == attention
    assert not made.model.training
    assert not made.model.is_gradient_checkpointing


def test_score_is_the_models_own_log_probability() -> None:
    made = policy()
    tokens = [3, 9, 1, 14, 7]
    logits = made.model(torch.tensor([tokens])).logits[0].log_softmax(-1)
    expected = [logits[i, token].item() for i, token in enumerate(tokens[1:])]
    assert Trainer(made, spec(), 32).score([tokens])[0] == pytest.approx(expected, abs=1e-5)


def test_correction_clips_from_the_anchor_and_not_from_the_engine() -> None:
    loss = TreeGRPO.model_validate({"correction": "truncate", "correction_cap": 1.5})
    train = spec(loss, optimizer={"lr": 0.02, "warmup_steps": 0})
    trainer = Trainer(policy(), train, 32)
    trainer.anchor(GROUPS)
    first, second = trainer.update(GROUPS), trainer.update(GROUPS)
    assert first is not None
    assert second is not None
    assert first["clip_low"] == first["clip_high"] == 0.0
    assert second["clip_low"] + second["clip_high"] > 0


@pytest.mark.parametrize("cut", [{"top_p": 0.9}, {"top_k": 5}, {"temperature": 0.7}], ids=str)
def test_correction_is_refused_where_the_engine_reports_another_distribution(cut: dict[str, float]) -> None:
    fields = {"name": "x", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}
    corrected = {"loss": {"kind": "tree_grpo", "correction": "mask"}}
    parse_spec(fields | {"train": corrected}, "spec")
    with pytest.raises(SpecError, match=r"importance correction needs plain sampling, .* set them to 1, 1 and 0, or"):
        parse_spec(fields | {"train": corrected, "sampling": cut}, "spec")
    parse_spec(fields | {"sampling": cut}, "spec")


def test_the_sampled_temperature_is_trained_and_its_ratios_start_at_one() -> None:
    """Gradients are those of the tempered softmax, written out on the model's own logits."""
    made, twin = policy(), policy()
    trainer = Trainer(made, spec(Reinforce.model_validate({}), advantage=OutcomeAdvantage()), 32, temperature=0.5)
    record = trainer.update(GROUPS[:1])
    assert record is not None
    assert record["ratio_min"] == record["ratio_max"] == 1.0

    loss = torch.zeros(())
    mean = sum(t.reward for t in GROUPS[0].trajectories) / len(GROUPS[0].trajectories)
    for t in GROUPS[0].trajectories:
        tokens = torch.tensor([[*GROUPS[0].prompt_tokens, *t.tokens.tolist()]])
        chosen = (twin.model(tokens).logits[0, :-1] / 0.5).log_softmax(-1).gather(-1, tokens[0, 1:, None])
        loss = loss - (t.reward - mean) * chosen[-len(t.tokens) :].sum()
    (loss / sum(len(t.tokens) for t in GROUPS[0].trajectories)).backward()
    norm = torch.stack([p.grad.norm() for p in twin.model.parameters()]).norm()
    assert record["grad_norm"] == pytest.approx(float(norm), rel=1e-5)


def test_tempered_ratios_are_measured_from_the_anchor() -> None:
    trainer = Trainer(policy(), spec(optimizer={"lr": 0.02, "warmup_steps": 0}), 32, temperature=0.5)
    trainer.anchor(GROUPS)
    first, second = trainer.update(GROUPS), trainer.update(GROUPS)
    assert first is not None
    assert second is not None
    assert first["ratio_max"] == pytest.approx(1.0, abs=1e-5)
    assert second["ratio_max"] > 1.01


def test_anchors_survive_a_file() -> None:
    loss = TreeGRPO.model_validate({"correction": "truncate"})
    trainer, resumed = Trainer(policy(), spec(loss), 32), Trainer(policy(), spec(loss), 32)
    trainer.anchor(GROUPS)
    resumed.load_state_dict(load(save(trainer.state_dict())))
    assert resumed.state_dict().keys() == trainer.state_dict().keys()
    trainer.anchor(())
    assert not any(name.startswith("anchor.") for name in trainer.state_dict())


def test_a_tree_over_the_bound_is_split_and_said() -> None:
    longest = max(len(g.prompt_tokens) + len(t.tokens) for g in GROUPS for t in g.trajectories)
    _, record = trained(spec(micro_batch_tokens=longest), GROUPS)
    assert record["split_groups"] > 0


def test_a_trajectory_over_the_bound_says_what_to_set() -> None:
    with pytest.raises(SpecError, match=r"train\.micro_batch_tokens: a trajectory of \d+ tokens does not fit into 3"):
        trained(spec(micro_batch_tokens=3))


def test_layers_that_see_other_than_a_path_are_refused_by_name_and_auto_trains_them_dense() -> None:
    made = policy()
    made.model.config.layer_types = ["full_attention", "chunked_attention"]
    with pytest.raises(ModelError, match="'suffix' cannot be used: Qwen3ForCausalLM has layers of type chunked"):
        Trainer(made, spec(packing="suffix"), 32)
    with pytest.warns(Notice, match="train.packing: 'auto' is 'dense': Qwen3ForCausalLM has layers of type chunked"):
        assert Trainer(made, spec(), 32).packing.name == "dense"


def test_an_attention_that_cannot_be_replaced_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = policy()
    monkeypatch.setattr(type(made.model), "_can_set_attn_implementation", lambda *_: False)
    with pytest.raises(ModelError, match=r"Qwen3ForCausalLM does not take its attention from .*'auto' or 'dense'"):
        Trainer(made, spec(packing="suffix"), 32)


def test_flex_is_refused_for_sliding_windows() -> None:
    with pytest.raises(ModelError, match="MistralForCausalLM has sliding windows of 6 tokens"):
        Trainer(tiny_policy("mistral"), spec(packing="flex"), 32)


def test_flex_is_refused_off_cuda() -> None:
    with pytest.raises(ModelError, match="FlexAttention trains on CUDA only"):
        Trainer(policy(), spec(packing="flex"), 32)


def test_a_wrong_packing_is_refused_on_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trie whose positions are off by some gives garbage log-probabilities, and the run must not go on."""
    from dsk.core.training.packing import TreeBatch

    right = TreeBatch.build
    monkeypatch.setattr(
        TreeBatch,
        "build",
        lambda sequences: replace(right(sequences), positions=right(sequences).positions[::-1].copy()),
    )
    made = policy()
    before = weights(made)
    with pytest.raises(PackingError, match="'suffix' gives log-probabilities"):
        Trainer(made, spec(packing="suffix"), 32).update(GROUPS)
    assert all(torch.equal(before[name], value) for name, value in weights(made).items())


def test_the_first_use_check_is_recorded_once() -> None:
    trainer = Trainer(policy(), spec(), 32)
    first, second = trainer.update(GROUPS), trainer.update(GROUPS)
    assert first is not None
    assert second is not None
    assert 0 <= first["packing_gap"] < 1e-5
    assert "packing_gap" not in second


def test_outcome_advantages_train_shared_tokens_with_each_trajectorys_own() -> None:
    dense, first = trained(spec(packing="dense", advantage=OutcomeAdvantage()))
    suffix, second = trained(spec(packing="suffix", advantage=OutcomeAdvantage()))
    assert first["grad_norm"] == pytest.approx(second["grad_norm"], rel=1e-5)
    assert_close(dense, suffix, 5e-6)
