"""A run's folder: append-only events, atomically written files, sampled groups by step."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import zstandard

from dsk.core.files import append, write_atomically, writing
from dsk.core.types import Group, Problem, Trajectory


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically, indented."""
    write_atomically(path, (json.dumps(data, indent=2, sort_keys=False) + "\n").encode())


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line, atomically."""
    write_atomically(path, _lines(rows))


def append_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add one JSON object a line to the end, on disk when this returns. Raises CheckpointError, with none of them kept.

    A last line that a crash left unfinished has to be gone before (`drop_torn_line`).
    """
    with writing(path, "make room, then continue with --resume"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            append(file, path, _lines(rows))


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The file's records; a last line cut short by a crash is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def drop_torn_line(path: Path) -> None:
    """Cut off a last line that a crash left unfinished, so that the file can be appended to."""
    if path.is_file():
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def read_records(folder: str | Path) -> list[dict[str, Any]]:
    """A run's events without what a resume rolled back."""
    kept: list[dict[str, Any]] = []
    for record in read_jsonl(Path(folder) / "events.jsonl"):
        if record["event"] == "resumed":
            kept = [r for r in kept if r["seq"] < record["from_seq"]]
        kept.append(record)
    return kept


class EventLog:
    """events.jsonl: one JSON object a line, on disk as it is written. `seq` counts records, `time` is in seconds."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.jsonl"
        drop_torn_line(self._path)
        self.seq = sum(1 for _ in read_jsonl(self._path))
        with writing(self._path, "make it writable, then continue with --resume"):
            self._file = self._path.open("ab", buffering=0)

    def append(self, event: str, **figures: Any) -> dict[str, Any]:
        """Write one record and return it. Raises CheckpointError, with nothing of it kept."""
        record = {"event": event, "seq": self.seq, "time": round(time.time(), 3), **figures}
        append(self._file, self._path, _lines([record]))
        self.seq += 1
        return record

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_packed(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines compressed with zstandard, atomically."""
    write_atomically(path, zstandard.ZstdCompressor(level=3).compress(_lines(rows)))


def write_groups(path: Path, groups: Sequence[Group]) -> None:
    """Save a step's groups (JSON lines, zstandard), atomically."""
    write_packed(path, map(asdict, groups))


def read_groups(path: Path) -> list[Group]:
    """Load what `write_groups` saved."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        return [_group(json.loads(line)) for line in io.TextIOWrapper(stream, encoding="utf-8")]


def _group(data: Mapping[str, Any]) -> Group:
    trajectories = tuple(Trajectory(**{k: _frozen(v) for k, v in t.items()}) for t in data["trajectories"])
    return Group(_problem(data["problem"]), tuple(data["prompt_tokens"]), trajectories, data["origin"], data["stats"])


def _problem(data: Mapping[str, Any]) -> Problem:
    return Problem(data["id"], _frozen(data["prompt"]), data["answer"], data["meta"])


def _frozen(value: Any) -> Any:
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value
