"""Trackers write what the run's records say, through the real libraries where they are installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from dsk.components.trackers.figures import figures
from dsk.components.trackers.tensorboard import TensorBoard
from dsk.components.trackers.trackio import Trackio
from dsk.components.trackers.wandb import RUN_ID_FILE, Wandb
from dsk.core.errors import SpecError

RECORDS = [
    {"event": "step", "seq": 1, "step": 1, "loss": 0.5, "engine": {"decoded_tokens": 12}, "note": "text"},
    {"event": "evaluated", "seq": 2, "when": "after", "rate": 0.25},
    {"event": "step", "seq": 3, "step": 2, "loss": float("nan"), "solved": True},
]
SPEC = {"name": "tracked", "seed": 0, "task": {"kind": "arithmetic"}}


def log_all(tracker, folder) -> None:
    with tracker.open(str(folder), SPEC) as session:
        for record in RECORDS:
            session.log(record)


def test_figures_are_finite_numbers_named_by_event():
    assert [figures(record) for record in RECORDS] == [
        {"step/loss": 0.5, "step/engine/decoded_tokens": 12.0},
        {"evaluated/rate": 0.25},
        {"step/solved": 1.0},
    ]


@pytest.mark.parametrize(
    ("tracker", "library"), [(TensorBoard(), "torch.utils.tensorboard"), (Trackio(), "trackio"), (Wandb(), "wandb")]
)
def test_a_tracker_that_is_not_installed_says_the_install_line(tracker, library, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SpecError, match=rf"pip install 'deepsearch-kit\[{tracker.kind}\]'"):
        log_all(tracker, tmp_path)


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard is not installed")
def test_tensorboard_holds_every_figure_at_its_step(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log_all(TensorBoard(), tmp_path)
    written = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = {tag: [(e.step, e.value) for e in written.Scalars(tag)] for tag in written.Tags()["scalars"]}
    assert found == {
        "step/loss": [(1, 0.5)],
        "step/engine/decoded_tokens": [(1, 12.0)],
        "evaluated/rate": [(1, 0.25)],
        "step/solved": [(2, 1.0)],
    }


@pytest.mark.full
@pytest.mark.skipif(not find_spec("wandb"), reason="wandb is not installed")
def test_wandb_offline_stays_in_the_folder_and_continues_its_run(tmp_path):
    log_all(Wandb(mode="offline"), tmp_path)
    first = (tmp_path / RUN_ID_FILE).read_text()
    log_all(Wandb(mode="offline"), tmp_path)
    assert (tmp_path / RUN_ID_FILE).read_text() == first
    assert list(tmp_path.glob(f"wandb/offline-run-*-{first}/*.wandb"))


@pytest.mark.full
@pytest.mark.skipif(not find_spec("trackio"), reason="trackio is not installed")
def test_trackio_holds_every_figure_at_its_step(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    log_all(Trackio(project="test"), tmp_path)
    from trackio.sqlite_storage import SQLiteStorage

    logs = SQLiteStorage.get_logs("test", "tracked")
    assert [(row["step"], row.get("step/loss"), row.get("evaluated/rate")) for row in logs] == [
        (1, 0.5, None),
        (1, None, 0.25),
        (2, None, None),
    ]
