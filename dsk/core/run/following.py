"""A run's events while it goes on: each look reads what was added since the last one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from dsk.core.errors import DamagedFileError
from dsk.core.run.events import EVENTS_FILE, checked_record, parse_record
from dsk.core.run.records import in_force
from dsk.core.run.stored import damaged

Records = TypeVar("Records")
EVENT = re.compile(rb'\{"event": ?"(\w+)"')
"""How a record begins."""


class GrowingLines:
    """A file that lines are appended to; one that has become another or shorter is read from its start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset, self._inode = 0, -1

    def take(self) -> tuple[bool, list[bytes]]:
        """Whether this is from the start, and the whole lines that have come; none where there is no file.

        Raises DamagedFileError where the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return self._take(file)
        except FileNotFoundError:
            self._offset = 0
            return True, []
        except OSError as error:
            raise damaged(self.path, f"cannot be read ({error.strerror})") from error

    def _take(self, file: BinaryIO) -> tuple[bool, list[bytes]]:
        stat = os.fstat(file.fileno())
        again = stat.st_ino != self._inode or stat.st_size < self._offset
        if again:
            self._offset, self._inode = 0, stat.st_ino
        file.seek(self._offset)
        data = file.read()
        whole = data.rfind(b"\n") + 1
        first, self._offset = self._offset == 0, self._offset + whole
        return first, data[:whole].split(b"\n")[:-1]

    def rewind(self) -> None:
        """Begin at the start of the file next time."""
        self._offset = 0


class FollowedRecords:
    """All records of a run that are in force, kept in memory."""

    def __init__(self, folder: Path) -> None:
        self._lines = GrowingLines(folder / EVENTS_FILE)
        self._number = 0
        self._kept: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """The records as `read_records` gives them. Raises DamagedFileError."""
        return _twice(self._read, self._lines)

    def _read(self) -> list[dict[str, Any]]:
        first, lines = self._lines.take()
        if first:
            self._number, self._kept = 0, []
        start = self._number + 1
        new = [parse_record(line, self._lines.path, number) for number, line in enumerate(lines, start)]
        if any(record["event"] == "resumed" for record in new):
            self._kept = in_force([*self._kept, *new])
        else:
            self._kept.extend(new)
        self._number += len(lines)
        return list(self._kept)


class LatestRecords:
    """The newest record of each of some kinds, for whoever follows many runs: nothing else is kept or parsed."""

    def __init__(self, folder: Path, kinds: tuple[str, ...]) -> None:
        self._lines = GrowingLines(folder / EVENTS_FILE)
        self._kinds = {*kinds, "resumed"}
        self._latest: dict[str, dict[str, Any]] = {}

    def read(self) -> dict[str, dict[str, Any]]:
        """By kind; without those that a resume rolled back. Raises DamagedFileError."""
        latest = _twice(self._read, self._lines)
        return {record["event"]: record for record in in_force(sorted(latest.values(), key=lambda r: r["seq"]))}

    def _read(self) -> dict[str, dict[str, Any]]:
        first, lines = self._lines.take()
        if first:
            self._latest = {}
        wanted = set(self._kinds)
        for line in reversed(lines):
            begun = EVENT.match(line)
            kind = begun.group(1).decode() if begun else ""
            if begun is None or kind in wanted:
                self._latest[kind] = checked_record(line, self._lines.path)
                wanted.discard(kind)
            if not wanted:
                break
        return self._latest


def _twice(read: Callable[[], Records], lines: GrowingLines) -> Records:
    """Once more from the start where it fails: lines that never got to disk may have been taken back and replaced."""
    try:
        return read()
    except DamagedFileError:
        lines.rewind()
    try:
        return read()
    except DamagedFileError:
        lines.rewind()
        raise
