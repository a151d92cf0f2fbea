"""Reading what a run has stored: typed, or one line that names the file, the line, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import zstandard
from pydantic import TypeAdapter, ValidationError

from dsk.core.errors import DamagedFileError

T = TypeVar("T")
RESTORE = "restore it from a copy, or run again under another name"


def damaged(path: Path, fault: str, advice: str = RESTORE, line: int = 0) -> DamagedFileError:
    """The error for a stored file that is not as dsk wrote it."""
    place = f"{path}:{line}" if line else str(path)
    return DamagedFileError(f"{place}: damaged: {fault}; {advice}")


def read_bytes(path: Path, advice: str = RESTORE) -> bytes:
    """The file. Raises DamagedFileError where there is none, or a folder in its place."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})", advice) from error


def read_object(path: Path, kind: type[T], advice: str = RESTORE) -> T:
    """A JSON file as a `kind` (a frozen dataclass, or a type of JSON data). Raises DamagedFileError."""
    return _parse(read_bytes(path, advice), kind, path, advice)


def read_rows(path: Path, kind: type[T], advice: str = RESTORE) -> list[T]:
    """One `kind` a line. A last line that a crash cut short is left out. Raises DamagedFileError."""
    return [_parse(line, kind, path, advice, number) for number, line in numbered(read_bytes(path, advice))]


def read_packed_rows(path: Path, kind: type[T], advice: str = RESTORE) -> list[T]:
    """One `kind` a line of a file compressed with zstandard. Raises DamagedFileError."""
    try:
        data = zstandard.ZstdDecompressor().decompress(read_bytes(path, advice))
    except zstandard.ZstdError as error:
        raise damaged(path, f"not as it was compressed ({error})", advice) from error
    return [_parse(line, kind, path, advice, number) for number, line in numbered(data)]


def numbered(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines of `data` from 1, without one that does not end."""
    *lines, _ = data.split(b"\n")
    return enumerate(lines, 1)


def _parse(data: bytes, kind: type[T], path: Path, advice: str, line: int = 0) -> T:
    try:
        return _adapter(kind).validate_json(data, strict=True)
    except ValidationError as error:
        raise damaged(path, first_fault(error), advice, line) from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def first_fault(error: ValidationError) -> str:
    """The first thing that pydantic found wrong, with its place."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}" if place else fault["msg"]
