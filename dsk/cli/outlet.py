"""Standard output and error that may go away while a command runs: a closed pipe, a closed terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class Outlet:
    """A stream that, once it cannot be written to, leads nowhere; `closed` is called then."""

    def __init__(self, stream: TextIO, closed: Callable[[], None]) -> None:
        self._stream, self._closed = stream, closed

    def write(self, text: str) -> int:
        """Write, or lose the text."""
        try:
            return self._stream.write(text)
        except OSError:
            self._lead_nowhere()
            return len(text)

    def flush(self) -> None:
        """Flush, or lose what was written."""
        try:
            self._stream.flush()
        except OSError:
            self._lead_nowhere()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lead_nowhere(self) -> None:
        # the descriptor itself: what the stream still holds is flushed when Python exits
        silence(self._stream)
        self._closed()


def silence(stream: TextIO) -> None:
    """Let a stream's descriptor lead to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def outlets(closed: Callable[[], None]) -> Iterator[None]:
    """Within the block standard output and error are Outlets."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Outlet(stream, closed)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
