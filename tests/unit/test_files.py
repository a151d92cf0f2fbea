"""What is written is on disk before its name says so, and a disk that refuses leaves what was there."""

import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

from dsk.core.errors import CheckpointError
from dsk.core.run.files import write_atomically
from dsk.core.run.records import EventLog, append_jsonl, read_jsonl


@contextmanager
def no_file_over(limit):
    """The system refuses to let a file grow beyond `limit` bytes, as a full disk would."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def calls(monkeypatch):
    """What reaches the disk, in order."""
    seen = []
    fsync, replace = os.fsync, Path.replace

    def spy_fsync(number):
        seen.append(("fsync", Path(os.readlink(f"/proc/self/fd/{number}")).name))
        fsync(number)

    def spy_replace(self, target):
        seen.append(("rename", Path(target).name))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    return seen


def test_a_file_is_on_disk_before_it_gets_its_name_and_the_name_before_the_call_returns(tmp_path, calls):
    write_atomically(tmp_path / "a.json", b"{}")
    assert calls == [("fsync", "a.json.partial"), ("rename", "a.json"), ("fsync", tmp_path.name)]


def test_a_row_is_on_disk_when_it_is_added(tmp_path, calls):
    append_jsonl(tmp_path / "rows.jsonl", [{"a": 1}])
    EventLog(tmp_path).append("step")
    assert calls == [("fsync", "rows.jsonl"), ("fsync", "events.jsonl")]


def test_a_row_that_does_not_fit_is_left_out_whole_and_the_next_one_is_readable(tmp_path):
    path = tmp_path / "new" / "rows.jsonl"
    append_jsonl(path, [{"id": "a"}])
    with (
        no_file_over(20),
        pytest.raises(CheckpointError, match=r"rows.jsonl: cannot be written: File too large; .*--resume"),
    ):
        append_jsonl(path, [{"id": "b", "text": "much longer than fits"}])
    append_jsonl(path, [{"id": "c"}])
    assert [row["id"] for row in read_jsonl(path)] == ["a", "c"]


def test_an_event_that_does_not_fit_is_not_counted(tmp_path):
    log = EventLog(tmp_path)
    log.append("step")
    with no_file_over(80), pytest.raises(CheckpointError, match=r"events.jsonl: cannot be written: File too large"):
        log.append("notice", text="x" * 100)
    assert log.append("step")["seq"] == 1
    assert [record["seq"] for record in read_jsonl(tmp_path / "events.jsonl")] == [0, 1]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path):
    write_atomically(tmp_path / "a.json", b"before")
    with (
        no_file_over(3),
        pytest.raises(CheckpointError, match=r"a.json: cannot be written: .*the file before is intact"),
    ):
        write_atomically(tmp_path / "a.json", b"after it")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.json": b"before"}
