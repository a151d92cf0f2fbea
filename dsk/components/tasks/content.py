"""What a data file holds, by its content: gzip and zstd are undone, and a file of another kind is named."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from dsk.core.errors import DataError

BLOCK = 1 << 20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PARQUET = b"PAR1"
UNREADABLE = (
    (b"PK\x03\x04", "a ZIP archive or spreadsheet; unpack it, or save it as CSV"),
    (b"BZh", "compressed with bzip2; unpack it (gzip and zstd are read as they are)"),
    (b"\xfd7zXZ", "compressed with xz; unpack it (gzip and zstd are read as they are)"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def lines(file: Path) -> Iterator[bytes]:
    """The file's lines with their ends, decompressed where it is gzip or zstd, without a byte order mark.

    Raises DataError where the file cannot be read, or its compressed data is damaged or cut short.
    """
    from zstandard import ZstdError

    try:
        with file.open("rb") as stream:
            found = _split(_plain(stream))
            first = next(found, b"").removeprefix(BYTE_ORDER_MARK)
            yield from itertools.chain([first] if first else [], found)
    except (EOFError, zlib.error, gzip.BadGzipFile, ZstdError) as error:
        raise DataError(f"{file}: its compressed data is damaged or cut short ({error}); get the file again") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None


def _plain(stream: BinaryIO) -> Iterable[bytes]:
    start = stream.read(len(ZSTD))
    stream.seek(0)
    if start.startswith(GZIP):
        return gzip.GzipFile(fileobj=stream)
    return _unzstd(stream) if start == ZSTD else stream


def _unzstd(stream: BinaryIO) -> Iterator[bytes]:
    """Frame by frame: the library's own reader takes a file that was cut short for one that ends."""
    from zstandard import ZstdDecompressor

    frame = None
    for block in iter(lambda: stream.read(BLOCK), b""):
        while block:
            frame = frame or ZstdDecompressor().decompressobj()
            yield frame.decompress(block)
            block, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise EOFError("it ends within a frame")


def _split(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest


def refuse_other(file: Path, kind: str) -> None:
    """Raise DataError where the file's start shows that it is of another kind than `kind`, and name that kind."""
    other = other_kind(file, kind)
    if other:
        raise DataError(f"{file}: {other}")


def other_kind(file: Path, kind: str) -> str | None:
    """What the file is, and what to do, where its start shows another kind than `kind`; else None. Raises DataError."""
    start = b"".join(itertools.islice(lines(file), 1))[:BLOCK]
    if start.startswith(PARQUET):
        return None if kind == "parquet" else "a Parquet file; set task.kind to 'parquet'"
    for mark, text in UNREADABLE:
        if start.startswith(mark):
            return text
    start = start.strip()
    if start.startswith(b"{"):
        return None if kind == "jsonl" else "JSON Lines by its looks; set task.kind to 'jsonl'"
    if start.startswith(b"[{" if kind == "csv" else b"["):
        return "one JSON array, not a JSON object a line; write its objects one a line (jq -c '.[]')"
    is_table = (b"," in start or b"\t" in start) and b"\0" not in start and not _is_json(start)
    return "CSV by its looks; set task.kind to 'csv'" if is_table and kind != "csv" else None


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
