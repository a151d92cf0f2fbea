"""A disk that fills while a run writes: one line that names the file, a status that says so, and a resume to the end.

The limit is the system's own, on the size of a file; it lets the status be written and nothing that is longer.
"""

import json
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_run import figures, same, save_model, small_spec

import dsk
from dsk.core.errors import CacheError, CheckpointError
from dsk.core.run.ledger import Silent

LIMIT = 300


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    long = {"screen": {"samples": 2, "threshold": 1.0}, "evaluate": {"samples": 2, "hard_only": False}}
    return small_spec(save_model(tmp_path_factory.mktemp("model")), rounds={"count": 1, "steps": 2}, **long)


@pytest.fixture(scope="module")
def whole(spec, tmp_path_factory):
    return dsk.run(spec, tmp_path_factory.mktemp("runs") / "whole")


@contextmanager
def no_limit_after():
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class FillAt(Silent):
    """The disk is full once a record of this kind is written."""

    def __init__(self, event, **fields):
        self._wanted = {"event": event, **fields}.items()

    def record(self, record):
        if self._wanted <= {k: v for k, v in record.items() if isinstance(v, str | int)}.items():
            resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    ("moment", "file"),
    [
        (FillAt("evaluation", when="before"), "rounds/0/screen.jsonl"),
        (FillAt("screened", round=0), "trees/000000.jsonl.zst"),
        (FillAt("sync"), "events.jsonl"),
        (FillAt("screened", round=1), "cache.sqlite"),
        (FillAt("evaluation", when="after"), "final"),
    ],
    ids=["screen", "trees", "events", "cache", "final"],
)
def test_a_full_disk_names_the_file_and_the_run_goes_on_when_there_is_room(
    spec, whole, tmp_path, monkeypatch, moment, file
):
    monkeypatch.chdir(tmp_path)
    with no_limit_after(), pytest.raises((CheckpointError, CacheError)) as caught:
        dsk.run(spec, "run", listener=moment)
    assert str(caught.value).startswith(f"run/{file}: ")
    assert "--resume" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert json.loads(Path("run/status.json").read_text()) == {"status": "failed", "reason": str(caught.value)}
    assert same(figures(dsk.run(spec, "run", resume=True).records), figures(whole.records))


def test_without_room_for_a_new_file_the_status_is_written_over_the_old_one(tmp_path, monkeypatch):
    """On a full disk a file's own blocks can still be written to."""
    from dsk.core.run import folder

    place = folder.RunFolder(tmp_path, fresh=False)

    def no_new_files(path, data):
        raise CheckpointError(f"{path}: cannot be written: No space left on device")

    def fill():
        with place.status():
            monkeypatch.setattr(folder, "write_json", no_new_files)
            raise CheckpointError("screen.jsonl: full")

    with pytest.raises(CheckpointError, match=r"screen.jsonl: full"):
        fill()
    assert folder.read_status(tmp_path) == ("failed", "screen.jsonl: full")
