"""A study of the bundled model from its tuning to its answer."""

import json

import pytest
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.compare.conduct import Conductor
from dsk.compare.question import Question, make_study, write_study
from dsk.core.rounds import run
from dsk.core.run.folder import read_status

BASE = {
    "name": "mini",
    "model": {"path": "bundled:tiny-reasoner"},
    "task": {"kind": "arithmetic", "min_steps": 4, "max_steps": 5, "train_problems": 32, "test_problems": 16},
    "verifier": {"kind": "math"},
    "max_response_tokens": 80,
    "screen": {"samples": 1, "threshold": 1.0},
    "rollout": {"kind": "direct", "samples": 4},
    "replay": None,
    "train": {
        "advantage": {"kind": "outcome", "normalisation": "mean_std"},
        "loss": {"kind": "grpo"},
        "optimizer": {"lr": 0.02, "eps": 0.1, "grad_clip": 0.05, "warmup_steps": 0},
        "batch_problems": 4,
        "mini_batch_problems": 2,
    },
    "rounds": {"count": 100, "steps": 20},
    "evaluate": {"samples": 1, "temperature": 1.0, "top_p": 1.0, "every": 1, "hard_only": False},
}
ASKED = Question(
    arms=["wide:rollout.samples=5"],
    budget="8k",
    tune=["train.optimizer.lr=0.01,0.03"],
    tune_set=["task.seed=7"],
    fields={"seeds": [0, 1, 2], "resolution": 90, "tokens_to": 0.99},
)


def in_this_process(planned):
    """What the runner does, without a process for each run."""
    for one in planned:
        if read_status(one.folder)[0] != "finished":
            run(one.spec, one.folder)
    return []


@pytest.mark.full
def test_a_question_is_tuned_run_and_answered_and_the_study_file_repeats_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mini.json").write_text(json.dumps(BASE))
    asked = make_study(tmp_path / "mini.json", ASKED)
    study = asked.model_copy(update={"tune": asked.tune.model_copy(update={"seeds": (100,)})})
    file = write_study(study, tmp_path / "runs")
    done = Conductor(study, "mini.json", tmp_path / "runs", print, {}).conduct(in_this_process)
    found = done.comparison
    assert not done.failed
    assert {choice.runs for choice in found.tuning.choices.values()} == {2}
    assert {row.seeds for row in found.rows} == {(0, 1, 2)}
    assert found.resolution.reached
    learnt = [r.spec["train"]["optimizer"]["lr"] for arm in done.arms for r in arm.runs]
    assert set(learnt) <= {0.01, 0.03}
    result = CliRunner().invoke(app, ["compare", str(file), "--no-run"])
    assert result.exit_code == 0, result.output
    assert "3 seeds, tuned, at 8,000 model tokens" in result.stdout
