"""Being asked to save and stop: by a signal, or because nobody is left to see what a run prints."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

AGAIN_STOPS = (signal.SIGINT, signal.SIGTERM)


def _quietly() -> None:
    """The default of `announce`."""


class StopRequest:
    """Turns true at the first SIGINT, SIGTERM or SIGHUP; a second SIGINT or SIGTERM raises KeyboardInterrupt.

    A second SIGHUP does nothing: when a terminal closes, the kernel and the shell may both send one. Where SIGHUP is
    ignored (`nohup`), it stays so. `announce` is called at each signal; use as a context manager in the main thread.
    """

    def __init__(self, announce: Callable[[], None] = _quietly) -> None:
        self._asked = False
        self._announce = announce
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._asked

    def __enter__(self) -> Self:
        for number in (*AGAIN_STOPS, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ask(self) -> None:
        """Ask for the stop without a signal."""
        self._asked = True
        self._announce()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if number in AGAIN_STOPS:
            signal.signal(number, signal.default_int_handler)
        self.ask()
