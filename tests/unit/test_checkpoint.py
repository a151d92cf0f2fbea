"""A checkpoint is on disk, files and names, before an older one goes; one that was changed since is refused by name."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import tiny_policy

from dsk.core.errors import CheckpointError, DamagedFileError
from dsk.core.run.checkpoint import RunState, checkpoints, load_checkpoint, save_checkpoint
from dsk.core.spec import TrainSpec
from dsk.core.training.trainer import Trainer

FILES = ("model.safetensors", "optimizer.safetensors", "state.json")


def learner(hidden=8):
    policy = tiny_policy(hidden=hidden, layers=1, heads=1, kv_heads=1)
    return Trainer(policy, TrainSpec.model_validate({}), max_response_tokens=8)


def save(folder, step):
    return save_checkpoint(folder, RunState(step=step), learner().checkpoint)


@pytest.fixture
def calls(monkeypatch):
    """Every fsync, rename and removal below, in order, by the path it is about."""
    seen = []
    fsync, rename, rmtree = os.fsync, Path.rename, shutil.rmtree

    def spy_fsync(number):
        seen.append(("fsync", os.readlink(f"/proc/self/fd/{number}")))
        fsync(number)

    def spy_rename(self, target):
        seen.append(("rename", str(target)))
        return rename(self, target)

    def spy_rmtree(path, *arguments, **options):
        seen.append(("remove", str(path)))
        rmtree(path, *arguments, **options)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "rename", spy_rename)
    monkeypatch.setattr(shutil, "rmtree", spy_rmtree)
    return seen


def test_every_file_and_both_folders_are_on_disk_before_the_old_checkpoint_goes(tmp_path, calls):
    folder = tmp_path / "checkpoints"
    first, _ = save(folder, 1), save(folder, 2)
    calls.clear()
    third = save(folder, 3)
    partial = f"{third}.partial"
    before, after = calls[: calls.index(("rename", str(third)))], calls[calls.index(("rename", str(third))) + 1 :]
    assert set(before) == {("fsync", path) for path in (partial, *(f"{partial}/{name}" for name in FILES))}
    assert after == [
        ("fsync", str(folder)),
        ("fsync", str(tmp_path)),
        ("rename", f"{first}.partial"),
        ("remove", f"{first}.partial"),
    ]
    assert [path.name for path in folder.iterdir() if path.suffix == ".partial"] == []


def test_what_a_crash_left_of_a_checkpoint_goes_with_the_next_one(tmp_path):
    (tmp_path / "000001.000.000.000000000000.partial").mkdir()
    kept = save(tmp_path, 2)
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["flip", "cut", "empty", "folder", "gone"])
def test_a_checkpoint_that_was_changed_is_refused_by_the_name_of_the_file(tmp_path, name, change):
    path = save(tmp_path, 1) / name
    data = path.read_bytes()
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "gone":
        half = len(data) // 2
        flipped = data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :]
        path.write_bytes({"flip": flipped, "cut": data[:half], "empty": b""}[change])
    advice = f"delete {path.parent} to resume from the one before"
    with pytest.raises(DamagedFileError, match=rf"^{path}: damaged: .*; {advice}$"):
        load_checkpoint(path.parent, learner().restore)


def test_a_number_changed_in_the_state_is_noticed(tmp_path):
    path = save(tmp_path, 1) / "state.json"
    path.write_text(path.read_text().replace('"step": 1', '"step": 7'))
    with pytest.raises(DamagedFileError, match=r"state.json: damaged: checksum differs"):
        load_checkpoint(path.parent, learner().restore)


def test_a_state_that_another_version_wrote_says_so(tmp_path):
    path = save(tmp_path, 1) / "state.json"
    data = json.loads(path.read_text())
    data["state"]["moon"] = 1
    data["sha256"]["state.json"] = hashlib.sha256(json.dumps(data["state"], sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(data))
    with pytest.raises(DamagedFileError, match=r"another version of dsk wrote it \(.*moon.*\); delete"):
        load_checkpoint(path.parent, learner().restore)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    path = save(tmp_path, 1)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path, learner(hidden=16).restore)


def test_the_random_state_comes_back(tmp_path):
    torch.manual_seed(5)
    path = save(tmp_path, 1)
    drawn = torch.rand(3)
    load_checkpoint(path, learner().restore)
    assert torch.equal(torch.rand(3), drawn)
    assert "torch_rng_state" in load_file(path / "optimizer.safetensors")
    assert json.loads((path / "state.json").read_text())["state"]["step"] == 1
    assert checkpoints(tmp_path) == [path]
