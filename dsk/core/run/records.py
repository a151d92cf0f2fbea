"""A run's folder: append-only events, atomically written files, sampled groups by step."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import orjson
import zstandard
from pydantic import Field

from dsk.core.run.events import EVENTS_FILE, read_events
from dsk.core.run.files import append, write_atomically, writing
from dsk.core.run.stored import damaged, read_bytes, read_rows
from dsk.core.types import named


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
    return b"".join(map(_line, rows))


def _line(row: Mapping[str, Any]) -> bytes:
    """A row as JSON; numbers that are none as null, half a character (a lone surrogate) as a question mark."""
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:  # JSON has integers over 64 bits, and python texts with half a character
        return json.dumps(row, ensure_ascii=False, default=_plain).encode("utf-8", "replace") + b"\n"


def _plain(value: Any) -> Any:
    """What orjson writes by itself and json does not."""
    return cast("Any", value).tolist() if isinstance(value, np.ndarray | np.generic) else named(value)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The file's rows, none where there is no file; a last line cut short by a crash is left out.

    Raises DamagedFileError. Rows with fields of their own are read by `stored.read_rows`.
    """
    return read_rows(path, dict[str, Any]) if path.exists() else []


@dataclass(frozen=True)
class ProblemRate:
    """A row of hard_set.jsonl, held_out.jsonl and evaluation_WHEN.jsonl: a problem's share of correct samples.

    `score` is the mean of its responses' scores, in an evaluation of a run whose rewards are graded.
    """

    id: str
    rate: Annotated[float, Field(ge=0, le=1)]
    score: Annotated[float, Field(ge=0, le=1)] | None = None


def present(row: Any) -> dict[str, Any]:
    """A dataclass's fields by name, those that are None left out."""
    return {name: value for name, value in asdict(row).items() if value is not None}


def read_rates(path: Path, known: Container[str] | None = None) -> list[ProblemRate]:
    """The rates of `path`. Raises DamagedFileError; also for a problem that is not among the `known`."""
    rates = read_rows(path, ProblemRate)
    for line, row in enumerate(rates, 1):
        if known is not None and row.id not in known:
            raise damaged(path, f"problem '{row.id}' is not in the task", line=line)
    return rates


def drop_torn_line(path: Path) -> None:
    """Cut off a last line that a crash left unfinished, so that the file can be appended to."""
    if path.is_file():
        data = read_bytes(path)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with writing(path, "make it writable, then continue with --resume"):
                os.truncate(path, whole)


def read_records(folder: str | Path) -> list[dict[str, Any]]:
    """A run's events without what a resume rolled back. Raises DamagedFileError."""
    return in_force(read_events(Path(folder)))


def in_force(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events without what a resume rolled back."""
    kept: list[dict[str, Any]] = []
    for record in events:
        if record["event"] == "resumed":
            kept = [r for r in kept if r["seq"] < record["from_seq"]]
        kept.append(record)
    return kept


class EventLog:
    """events.jsonl: one JSON object a line, on disk as it is written. `seq` counts records, `time` is in seconds."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS_FILE
        drop_torn_line(self._path)
        self._found = read_events(folder)
        self.seq = len(self._found)
        with writing(self._path, "make it writable, then continue with --resume"):
            self._file = self._path.open("ab", buffering=0)

    def take_found(self) -> list[dict[str, Any]]:
        """The records that were there, handed out once: a long run's are not kept in memory."""
        found, self._found = self._found, []
        return found

    def append(self, event: str, **figures: Any) -> dict[str, Any]:
        """Write one record and return it. Raises CheckpointError, with nothing of it kept."""
        record = {"event": event, "seq": self.seq, "time": round(time.time(), 3), **figures}
        append(self._file, self._path, _lines([record]))
        self.seq += 1
        return record

    def check_reaches(self, seq: int) -> None:
        """Raises DamagedFileError where records are missing that a checkpoint counts."""
        if self.seq < seq:
            raise damaged(self._path, f"ends after {self.seq} records of {seq} that the checkpoint counts")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_packed(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines compressed with zstandard, atomically."""
    write_atomically(path, zstandard.ZstdCompressor(level=3, write_checksum=True).compress(_lines(rows)))
