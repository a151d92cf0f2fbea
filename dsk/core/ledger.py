"""What a run has done and spent: its state, records, time by phase and bounds; and who hears of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from dsk.core.checkpoint import RunState
from dsk.core.records import EventLog, read_records
from dsk.core.scheduler import Progress
from dsk.core.spec import RunSpec


class Listener(Protocol):
    """Who watches a run: gets every record, and progress within a phase."""

    def record(self, record: Mapping[str, Any]) -> None: ...
    def progress(self, phase: str, progress: Progress) -> None: ...


class Silent:
    """A listener that shows nothing but notices."""

    def record(self, record: Mapping[str, Any]) -> None:
        """Write a notice to standard error."""
        if record["event"] == "notice":
            sys.stderr.write(f"notice: {record['text']}\n")

    def progress(self, phase: str, progress: Progress) -> None:
        """Ignore progress."""


class Ledger:
    """State, records and seconds of one run. Notices that come before the records are open wait for them."""

    def __init__(self, spec: RunSpec, folder: Path, listener: Listener) -> None:
        self.spec, self.folder, self.listener = spec, folder, listener
        self.state = RunState()
        self._seconds: dict[str, float] = {}
        self._events: EventLog | None = None
        self._early: list[str] = []
        self._watchers: list[Callable[[Mapping[str, Any]], None]] = [listener.record]

    def _notice(self, text: str) -> None:
        if self._events is None:
            self._early.append(text)
        else:
            self.emit("notice", text=text)

    def _open_events(self) -> EventLog:
        self._events = EventLog(self.folder)
        return self._events

    def _close_events(self) -> None:
        if self._events is not None:
            self._events.close()

    def emit(self, event: str, **figures: Any) -> None:
        """Write a record and show it to the listener and the trackers."""
        assert self._events is not None
        record = self._events.append(event, **figures)
        for watch in self._watchers:
            watch(record)

    def records(self) -> list[dict[str, Any]]:
        """The run's records so far, without what a resume rolled back."""
        return read_records(self.folder)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count wall-clock seconds towards a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - started

    def advance(self, **changes: Any) -> None:
        """Change the run's state."""
        self.state = self.state.advance(**changes)

    def out_of_budget(self) -> bool:
        """Whether the run has spent its steps, tokens, hours or any other of its bounds."""
        bounds, state = self.spec.rounds, self.state
        spent = self.budgets()
        hours = sum(self._seconds.values()) / 3600
        return (
            bool(bounds.max_steps and state.step >= bounds.max_steps)
            or bool(bounds.max_tokens and state.sampled_tokens >= bounds.max_tokens)
            or bool(bounds.max_hours and hours >= bounds.max_hours)
            or bool(bounds.max_model_tokens and spent["model_tokens"] >= bounds.max_model_tokens)
            or bool(
                bounds.max_unscreened_tokens
                and spent["model_tokens"] - spent.get("screening_tokens", 0) >= bounds.max_unscreened_tokens
            )
            or bool(bounds.max_updates and spent["updates"] >= bounds.max_updates)
            or bool(bounds.max_train_seconds and spent["seconds"] >= bounds.max_train_seconds)
        )

    @property
    def seconds(self) -> dict[str, float]:
        """Wall-clock seconds by phase."""
        return {name: round(value, 3) for name, value in self._seconds.items()}

    def budgets(self) -> dict[str, float]:
        """What the run has spent so far on each axis that runs are compared on; evaluation is left out."""
        state = self.state
        return {
            "sampled_tokens": state.sampled_tokens,
            "model_tokens": state.sampled_tokens + state.encoded_tokens + 3 * state.trained_tokens,
            "seconds": round(sum(v for name, v in self._seconds.items() if name != "evaluate"), 3),
            "updates": state.version,
        }
