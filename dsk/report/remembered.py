"""Files that are written whole: what was read of one stands until it is another."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FILES = 1024
"""Files whose contents are remembered, of each kind of reading."""


def remembered(read: Callable[[Path], T]) -> Callable[[Path], T]:
    """`read`, which is asked again only when the file's time, size or inode has changed. Callers change no result."""

    @lru_cache(maxsize=FILES)
    def read_once(path: Path, _stamp: tuple[int, int, int]) -> T:
        return read(path)

    @wraps(read)
    def look(path: Path) -> T:
        return read_once(path, stamp(path))

    return look


def stamp(path: Path) -> tuple[int, int, int]:
    """What changes with a file's or folder's content: time (ns), size, inode; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
