"""A whole run: it ends, it repeats, it can be left at any point and resumed to the same figures."""

import json
import os
import resource
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import figures, save_model, small_spec
from transformers import AutoModelForCausalLM

import dsk
from dsk.core.errors import CheckpointError, InterruptedRun, NonFiniteLossError, RunFolderError
from dsk.core.run.checkpoint import checkpoints
from dsk.core.run.folder import open_folder
from dsk.core.run.ledger import Silent
from dsk.core.run.stored_groups import read_groups
from dsk.core.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
TREE = {"kind": "tree", "width": 2, "max_depth": 3, "step_tokens": 4, "trajectories": 3}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """An uninterrupted run."""
    return dsk.run(small_spec(model), tmp_path_factory.mktemp("runs") / "whole")


class StopAfter:
    """Asks for a stop at the `count`-th question."""

    def __init__(self, count):
        self.left = count

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_a_run_leaves_every_file_that_it_promises(whole):
    names = {path.name for path in whole.folder.iterdir()}
    expected = {
        "spec.json",
        "versions.json",
        "status.json",
        "events.jsonl",
        "summary.json",
        "final",
        "checkpoints",
        "trees",
    }
    assert expected <= names
    assert json.loads((whole.folder / "status.json").read_text()) == {"status": "finished"}
    assert json.loads((whole.folder / "summary.json").read_text()) == whole.summary
    assert len(checkpoints(whole.folder / "checkpoints")) == 2
    assert not list(whole.folder.rglob("*.pt")) + list(whole.folder.rglob("*.pkl"))


def test_the_summary_has_before_after_tokens_and_times(whole):
    summary = whole.summary
    assert summary["steps"] == 4
    assert summary["before"]["problems"] == summary["after"]["problems"] == 4
    assert summary["sampled_tokens"] > 0 < summary["trained_tokens"]
    assert {"screen", "search", "train", "evaluate", "sync"} <= summary["seconds"].keys()
    assert [r["round"] for r in summary["rounds"]] == [0, 1]


def test_the_final_model_is_the_last_checkpoint_and_differs_from_the_start(whole, model):
    final = AutoModelForCausalLM.from_pretrained(whole.folder / "final").state_dict()
    saved = load_file(checkpoints(whole.folder / "checkpoints")[-1] / "model.safetensors")
    start = AutoModelForCausalLM.from_pretrained(model).state_dict()
    assert all(torch.equal(final[name], tensor) for name, tensor in saved.items())
    assert any(not torch.equal(final[name], start[name]) for name in start)


def test_a_seed_fixes_every_figure(whole, model, tmp_path):
    again = dsk.run(small_spec(model), tmp_path / "again")
    assert figures(again.records) == figures(whole.records)


def test_another_seed_gives_another_run(whole, model, tmp_path):
    other = dsk.run(small_spec(model, seed=1), tmp_path / "other")
    assert figures(other.records) != figures(whole.records)


@pytest.mark.parametrize("count", [0, 3, 7, 11, 16, 21, 26])
def test_a_run_left_anywhere_resumes_to_the_same_figures(whole, model, tmp_path, count):
    spec, folder = small_spec(model), tmp_path / "cut"
    with pytest.raises(InterruptedRun, match="--resume"):
        dsk.run(spec, folder, should_stop=StopAfter(count))
    assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"
    resumed = dsk.run(spec, folder, resume=True)
    assert figures(resumed.records) == figures(whole.records)


@pytest.mark.parametrize("survived", [0, 1, 2, 5])
def test_a_run_that_crashed_resumes_to_the_same_figures(whole, model, tmp_path, monkeypatch, survived):
    spec, folder = small_spec(model), tmp_path / "crashed"
    original, calls = Trainer.update, iter(range(100))

    def dies(self, *arguments):
        if next(calls) == survived:
            raise MemoryError("killed")
        return original(self, *arguments)

    monkeypatch.setattr(Trainer, "update", dies)
    with pytest.raises(MemoryError):
        dsk.run(spec, folder)
    assert json.loads((folder / "status.json").read_text())["status"] == "failed"
    with (folder / "events.jsonl").open("a") as events:
        events.write('{"event": "upda')  # the machine died while it wrote
    monkeypatch.undo()
    resumed = dsk.run(spec, folder, resume=True)
    assert figures(resumed.records) == figures(whole.records)
    assert [r["seq"] for r in map(json.loads, (folder / "events.jsonl").read_text().splitlines())] == list(
        range(resumed.records[-1]["seq"] + 1)
    )


def test_other_rollouts_run_too(model, tmp_path):
    for name, rollout in {
        "uct": {**TREE, "selector": "uct"},
        "direct": {"kind": "direct"},
        "all": {**TREE, "record": "all"},
    }.items():
        run = dsk.run(small_spec(model, rounds={"count": 1, "steps": 1}, rollout=rollout), tmp_path / name)
        assert run.summary["updates"] == 2


def test_two_runs_in_one_process_do_not_touch_each_other(whole, model, tmp_path):
    dsk.run(small_spec(model, seed=5, rounds={"count": 1, "steps": 1}), tmp_path / "first")
    second = dsk.run(small_spec(model), tmp_path / "second")
    assert figures(second.records) == figures(whole.records)


def test_an_existing_folder_is_refused(whole, model):
    with pytest.raises(RunFolderError, match="this run exists; continue it with --resume"):
        dsk.run(small_spec(model), whole.folder)


def test_resuming_with_another_spec_shows_the_difference(whole, model):
    with pytest.raises(RunFolderError, match=r"rollout.width: 2 -> 3"):
        dsk.run(
            small_spec(
                model, rollout={"kind": "tree", "width": 3, "max_depth": 3, "step_tokens": 4, "trajectories": 3}
            ),
            whole.folder,
            resume=True,
        )


def test_resuming_nothing_says_so(model, tmp_path):
    with pytest.raises(RunFolderError, match="nothing to resume"):
        dsk.run(small_spec(model), tmp_path / "nowhere", resume=True)


def test_a_folder_with_other_files_is_refused_and_untouched(model, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="holds something else than a run; name a new or an empty folder"):
        dsk.run(small_spec(model), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_field_that_a_newer_version_added_is_no_difference(tmp_path):
    spec = dsk.load_spec(ROOT / "examples" / "quickstart.json")
    open_folder(spec, tmp_path, resume=False)
    stored = json.loads((tmp_path / "spec.json").read_text())
    del stored["rollout"]["boundary"]
    (tmp_path / "spec.json").write_text(json.dumps(stored))
    open_folder(spec, tmp_path, resume=True)


def test_a_run_that_another_process_has_is_not_resumed(whole, model, tmp_path):
    folder = shutil.copytree(whole.folder, tmp_path / "busy")
    (folder / "status.json").write_text(json.dumps({"status": "running", "pid": os.getppid()}))
    with pytest.raises(RunFolderError, match=f"process {os.getppid()} is running it; wait for it or stop it first"):
        dsk.run(small_spec(model), folder, resume=True)


def test_a_refused_run_leaves_no_folder(tmp_path):
    with pytest.raises(dsk.core.errors.ModelError):
        dsk.run(small_spec(tmp_path / "no-model"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_non_finite_loss_stops_with_the_batch_and_the_checkpoint_named(model, tmp_path, monkeypatch):
    calls = iter(range(100))

    def explodes(self):
        if next(calls) == 2:
            return torch.tensor(float("nan"))
        return original(self)

    from dsk.core.training.optimizer import Optimizer

    original = Optimizer.clip_gradients
    monkeypatch.setattr(Optimizer, "clip_gradients", explodes)
    with pytest.raises(NonFiniteLossError, match=r"step 1: .*bad_batch.jsonl.zst; last good checkpoint: .*000001"):
        dsk.run(small_spec(model), tmp_path / "run")
    assert len(read_groups(tmp_path / "run" / "bad_batch.jsonl.zst")) == 2


class FillDisk(Silent):
    """Lets no file grow beyond `limit` bytes once the second step is recorded, as a full disk would not."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def record(self, record):
        if record["event"] == "step" and record["step"] == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, resource.RLIM_INFINITY))


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors"])
def test_a_full_disk_leaves_the_previous_checkpoint(whole, model, tmp_path, file):
    """The error is the system's own, through whatever writes the file; afterwards the run goes on."""
    [*_, last] = checkpoints(whole.folder / "checkpoints")
    folder = tmp_path / "run"
    try:
        with pytest.raises(CheckpointError, match=r"File too large.*last good checkpoint: .*000001"):
            dsk.run(small_spec(model), folder, listener=FillDisk((last / file).stat().st_size - 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (kept,) = checkpoints(folder / "checkpoints")
    assert kept.name.startswith("000001")
    assert figures(dsk.run(small_spec(model), folder, resume=True).records) == figures(whole.records)
