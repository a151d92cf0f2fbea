"""A run that is followed while it goes on is read as one that is read whole, and no line twice."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.errors import DamagedFileError
from dsk.core.run import following
from dsk.core.run.following import FollowedRecords, LatestRecords
from dsk.core.run.records import read_records

KINDS = ("step", "notice", "sync", "finished")


def record(kind: str, seq: int, back: int) -> dict:
    """A record of a kind; a resume goes back to one of those before it."""
    spent = {"sampled_tokens": 1, "model_tokens": 1, "seconds": 1.0, "updates": 1}
    step = dict.fromkeys(("step", "round", "problems", "solved", "replayed", "filtered", "trained_tokens"), 1)
    fields = {
        "step": {**spent, **step, "group_reward": 0.5, "peak_memory_bytes": 1},
        "notice": {"text": f"notice {seq}"},
        "resumed": {"from_seq": min(back, seq)},
    }
    return {"event": kind, "seq": seq, "time": 0.0, **fields.get(kind, {})}


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[dict], bytes, list[int]]:
    """Records, their file, and where its bytes had got to at each look."""
    kinds = draw(st.lists(st.sampled_from((*KINDS, "resumed")), max_size=14))
    records = [record(kind, seq, draw(st.integers(0, 14))) for seq, kind in enumerate(kinds)]
    data = b"".join(json.dumps(each).encode() + b"\n" for each in records)
    return records, data, sorted([*draw(st.lists(st.integers(0, len(data)), max_size=6)), len(data)])


def looks(folder: Path, data: bytes, ends: list[int]):
    """The file growing: nothing at first, then to each of its ends."""
    for start, end in pairwise([0, *ends]):
        with (folder / "events.jsonl").open("ab") as file:
            file.write(data[start:end])
        yield


@given(logs())
def test_followed_records_are_at_every_look_those_that_reading_all_gives(log):
    _, data, ends = log
    with TemporaryDirectory() as place:
        folder = Path(place)
        followed = FollowedRecords(folder)
        assert followed.read() == []
        for _ in looks(folder, data, ends):
            assert followed.read() == read_records(folder)


@given(logs())
def test_the_latest_records_are_the_newest_of_each_kind_that_no_later_resume_took_back(log):
    _, data, ends = log
    with TemporaryDirectory() as place:
        folder = Path(place)
        latest = LatestRecords(folder, ("step", "notice"))
        for _ in looks(folder, data, ends):
            rows = [json.loads(line) for line in (folder / "events.jsonl").read_bytes().split(b"\n")[:-1]]
            newest = {row["event"]: row for row in rows if row["event"] in ("step", "notice", "resumed")}
            back = newest.get("resumed", {"seq": -1, "from_seq": len(rows)})
            stands = {k: r for k, r in newest.items() if r["seq"] >= back["seq"] or r["seq"] < back["from_seq"]}
            assert latest.read() == stands


def write(folder: Path, *records: dict) -> None:
    (folder / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))


def test_every_line_is_parsed_once(tmp_path, monkeypatch):
    parsed = []
    parse = following.parse_record
    monkeypatch.setattr(following, "parse_record", lambda *words: parsed.append(1) or parse(*words))
    followed = FollowedRecords(tmp_path)
    for count in (3, 3, 8):
        write_more(tmp_path, count)
        followed.read()
    assert len(parsed) == 8


def write_more(folder: Path, count: int) -> None:
    """Bring the file to `count` records."""
    path = folder / "events.jsonl"
    have = len(path.read_text().splitlines()) if path.exists() else 0
    with path.open("a") as file:
        file.writelines(json.dumps(record("sync", seq, 0)) + "\n" for seq in range(have, count))


def test_a_file_that_became_another_is_read_from_its_start(tmp_path):
    followed, latest = FollowedRecords(tmp_path), LatestRecords(tmp_path, ("notice",))
    write(tmp_path, record("sync", 0, 0), record("notice", 1, 0))
    assert (len(followed.read()), list(latest.read())) == (2, ["notice"])
    write(tmp_path, record("sync", 0, 0))
    assert (len(followed.read()), list(latest.read())) == (1, [])
    (tmp_path / "events.jsonl").unlink()
    assert (followed.read(), latest.read()) == ([], {})


def test_lines_that_were_taken_back_and_replaced_by_longer_ones_are_read_again(tmp_path):
    """A record that could not be kept is cut off again; a watcher may have seen it."""
    followed = FollowedRecords(tmp_path)
    write(tmp_path, record("sync", 0, 0), record("sync", 1, 0))
    followed.read()
    path = tmp_path / "events.jsonl"
    with path.open("r+") as file:
        file.truncate(0)
        file.writelines(json.dumps(record("notice", seq, 0)) + "\n" for seq in range(3))
    assert [each["event"] for each in followed.read()] == ["notice"] * 3


def test_a_damaged_line_is_told_at_every_look_until_it_is_mended(tmp_path):
    followed = FollowedRecords(tmp_path)
    write(tmp_path, record("sync", 0, 0), {"event": 7})
    for _ in range(2):
        with pytest.raises(DamagedFileError, match=r"events\.jsonl:2: damaged"):
            followed.read()
    write(tmp_path, record("sync", 0, 0), record("sync", 1, 0))
    assert len(followed.read()) == 2
