"""The example with a real pretrained model, cut to one step: it loads from its package, samples, trains, is saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

import dsk

pytestmark = pytest.mark.full
ROOT = Path(__file__).parents[2]
SHORT = [
    "screen.problems=2", "screen.samples=2", "screen.threshold=1", "rollout.width=2", "rollout.max_depth=2",
    "rollout.trajectories=2", "rollout.max_expansions=2", "rounds.steps=1", "train.batch_problems=2",
    "train.mini_batch_problems=2", "evaluate.problems=2", "evaluate.samples=1",
]  # fmt: skip


def test_the_example_trains_and_its_model_is_an_ordinary_one(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    run = dsk.run(dsk.load_spec("examples/smollm2.json", SHORT), tmp_path / "run")
    assert (run.summary["steps"], run.summary["updates"]) == (1, 1)
    assert run.summary["sampled_tokens"] > 0 < run.summary["trained_tokens"]
    model = AutoModelForCausalLM.from_pretrained(run.folder / "final")
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    assert AutoTokenizer.from_pretrained(run.folder / "final").chat_template
    assert "quantization_config" not in json.loads((run.folder / "final" / "config.json").read_text())
