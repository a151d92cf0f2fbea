"""Whole runs that train in another way than the default.

1. LoRA: engine and trainer agree after every sync, and the final model is plain and merged.
2. With several updates a step, importance correction and other temperatures clip from the step's first weights, also
   after a resume in between.
3. What cannot be trained right is refused before anything is sampled.
"""

import math
from itertools import pairwise

import pytest
import torch
from pydantic import ValidationError
from small_run import figures, same, save_model, small_spec
from transformers import AutoModelForCausalLM

import dsk
from dsk.core.errors import InterruptedRun
from dsk.core.training.trainer import Trainer

SHORT = {"count": 1, "steps": 2}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


def of(run, event):
    return [record for record in run.records if record["event"] == event]


def train(**changes):
    base = {"batch_problems": 4, "mini_batch_problems": 2, "micro_batch_tokens": 40}
    return base | {"optimizer": {"lr": 1e-2, "warmup_steps": 0}} | changes


def test_a_lora_run_ends_in_a_plain_merged_model(model, tmp_path):
    settings = {"path": str(model), "device": "cpu", "lora_rank": 2}
    spec = small_spec(model, model=settings, rounds=SHORT, train=train(loss={"kind": "grpo", "kl_coef": 0.1}))
    run = dsk.run(spec, tmp_path / "lora")
    assert max(record["probe_error"] for record in of(run, "sync")) < 1e-4
    assert any(record["kl_reference"] > 0 for record in of(run, "update") if record["applied"])

    final = AutoModelForCausalLM.from_pretrained(run.folder / "final").state_dict()
    start = AutoModelForCausalLM.from_pretrained(model).state_dict()
    assert final.keys() == start.keys()
    changed = {name for name in start if not torch.equal(final[name], start[name])}
    assert changed == {name for name in start if "_proj" in name}


def test_a_lora_run_resumes_to_the_same_figures(model, tmp_path):
    settings = {"path": str(model), "device": "cpu", "lora_rank": 2}
    spec = small_spec(model, model=settings, rounds=SHORT)
    whole = dsk.run(spec, tmp_path / "whole")
    cut = interrupted_in_training(spec, tmp_path / "cut")
    assert figures(cut.records) == figures(whole.records)


def interrupted_in_training(spec, folder):
    """The run, left between the two updates of its first step and resumed."""
    original, updates = Trainer.update, []

    def stops_second(self, groups, should_stop):
        updates.append(1)
        return None if len(updates) == 2 else original(self, groups, should_stop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "update", stops_second)
        with pytest.raises(InterruptedRun, match="while training"):
            dsk.run(spec, folder)
    return dsk.run(spec, folder, resume=True)


@pytest.mark.parametrize(
    "change",
    [{"train": train(loss={"kind": "tree_grpo", "correction": "truncate"})}, {"sampling": {"temperature": 0.7}}],
    ids=["correction", "temperature"],
)
def test_ratios_are_measured_from_the_weights_that_the_step_began_with(model, tmp_path, change):
    spec = small_spec(model, **{"rounds": SHORT, "train": train()} | change)
    whole = dsk.run(spec, tmp_path / "whole")
    cut = interrupted_in_training(spec, tmp_path / "cut")
    assert figures(cut.records) == figures(whole.records)

    applied = [record for record in of(whole, "update") if record["applied"]]
    pairs = [(a, b) for a, b in pairwise(applied) if (a["mini_batch"], b["mini_batch"]) == (0, 1)]
    assert pairs
    for first, second in pairs:
        assert abs(math.log(first["ratio_max"])) < 1e-4
        assert second["ratio_max"] > 1.001


def test_correction_with_truncated_sampling_is_refused_with_the_spec(model):
    with pytest.raises(ValidationError, match="importance correction needs plain sampling"):
        small_spec(model, train=train(loss={"correction": "mask"}), sampling={"top_p": 0.9})


@pytest.mark.full
def test_a_compiled_run_has_the_figures_of_an_eager_one(model, tmp_path):
    eager = dsk.run(small_spec(model, rounds=SHORT), tmp_path / "eager")
    compiled = dsk.run(
        small_spec(model, rounds=SHORT, train=train(optimizer={"lr": 1e-3, "warmup_steps": 0}, compile=True)),
        tmp_path / "compiled",
    )
    assert same(figures(compiled.records), figures(eager.records))
