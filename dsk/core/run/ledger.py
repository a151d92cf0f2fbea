"""What a run has done and spent: its state, records, seconds, two kinds of tokens, and bounds; and who hears of it.

Charged tokens are a function of what the run did: budgets, stop rules and comparisons use them. Computed tokens are
what the hardware did for it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from dsk.core.run.checkpoint import RunState
from dsk.core.run.records import EventLog, in_force
from dsk.core.sampling.scheduler import Progress
from dsk.core.spec import RunSpec

EVALUATE = "evaluate"
"""The phase whose seconds and tokens no budget counts."""


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


class Clock:
    """Wall-clock seconds by phase: each since it was made belongs to exactly one, `other` where none is named."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._phase, self._since = "other", time.perf_counter()

    def read(self) -> dict[str, float]:
        """Seconds of every phase up to now."""
        now = time.perf_counter()
        self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + now - self._since
        self._since = now
        return dict(self._seconds)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count towards a phase; what it interrupts goes on afterwards."""
        self.read()
        before, self._phase = self._phase, name
        try:
            yield
        finally:
            self.read()
            self._phase = before

    def add(self, before: Mapping[str, float]) -> None:
        """Take over what an earlier process counted."""
        for name, seconds in before.items():
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds


class Ledger:
    """State, records, seconds and memory of one run. Notices that come before the records are open wait for them.

    `rounds` are the records of finished rounds, `memory` is what lasts between steps, by problem.
    """

    def __init__(self, spec: RunSpec, folder: Path, listener: Listener) -> None:
        self.spec, self.folder, self.listener = spec, folder, listener
        self.state = RunState()
        self.clock = Clock()
        self.rounds: list[dict[str, Any]] = []
        self.memory: dict[str, Mapping[str, float]] = {}
        self.watchers: list[Callable[[Mapping[str, Any]], None]] = [listener.record]
        self._events: EventLog | None = None
        self._early: list[str] = []
        self._found: list[dict[str, Any]] = []

    def restore(self, state: RunState) -> None:
        """Go on from a checkpoint's state."""
        self.state = state
        self.clock.add(state.seconds)
        self.memory = dict(state.memory)

    def notice(self, text: str) -> None:
        """Record something that the user should know; before the records are open it waits for them."""
        if self._events is None:
            self._early.append(text)
        else:
            self.emit("notice", text=text)

    def open(self) -> bool:
        """Open the records; whether the run had any. They are read here and never again."""
        self._events = EventLog(self.folder)
        self._found = in_force(self._events.take_found())
        return bool(self._events.seq)

    def begin(self, further: Iterable[str]) -> None:
        """Keep what later records need of the earlier ones, and record the notices that waited, and further ones.

        A resume does not repeat a notice that is recorded.
        """
        told = {record["text"] for record in self._found if record["event"] == "notice"}
        self.rounds = [record for record in self._found if record["event"] == "round"]
        self._found = []
        for text in dict.fromkeys([*further, *self._early]):
            if text not in told:
                self.emit("notice", text=text)
        self._early = []

    def close(self) -> None:
        """Close the records."""
        if self._events is not None:
            self._events.close()

    @property
    def next_seq(self) -> int:
        """The number of the next record."""
        assert self._events is not None
        return self._events.seq

    def emit(self, event: str, **figures: Any) -> None:
        """Write a record and show it to the listener and the trackers."""
        assert self._events is not None
        record = self._events.append(event, **figures)
        if event == "round":
            self.rounds.append(record)
        for watch in self.watchers:
            watch(record)

    def check_reaches(self) -> None:
        """Raise DamagedFileError where the records end before the checkpoint does."""
        assert self._events is not None
        self._events.check_reaches(self.state.event_seq)

    def roll_back(self) -> None:
        """Forget the records that a crash left beyond the checkpoint, and say so in them."""
        state = self.state
        self._found = [record for record in self._found if record["seq"] < state.event_seq]
        self.emit("resumed", from_seq=state.event_seq, step=state.step, round=state.round)

    def advance(self, **changes: Any) -> None:
        """Change the run's state."""
        self.state = self.state.advance(**changes)

    def remember(self, news: Mapping[str, Mapping[str, float]]) -> None:
        """Keep figures of problems for later steps; what a unit of work learns, when the unit is whole."""
        for problem, figures in news.items():
            self.memory[problem] = {**self.recall(problem), **figures}

    def recall(self, problem: str) -> Mapping[str, float]:
        """What is remembered of a problem."""
        return self.memory.get(problem, {})

    def charge(self, *, sampled: int = 0, prefix: int = 0, scored: int = 0, trained: int = 0) -> None:
        """Add tokens of one completed piece of work."""
        state = self.state
        self.advance(
            sampled_tokens=state.sampled_tokens + sampled,
            prefix_tokens=state.prefix_tokens + prefix,
            scored_tokens=state.scored_tokens + scored,
            trained_tokens=state.trained_tokens + trained,
        )

    def may_begin(self, what: Literal["round", "step"], number: int) -> bool:
        """Whether round or step `number` may begin. Decided once: a resume in the middle of it goes on with it."""
        name = f"begun_{what}s"
        if getattr(self.state, name) <= number:
            if self.out_of_budget():
                return False
            self.advance(**{name: number + 1})
        return True

    def out_of_budget(self) -> bool:
        """Whether the run has spent its steps, tokens, hours or any other of its bounds."""
        bounds, state, spent = self.spec.rounds, self.state, self.budgets()
        hours = sum(self.spent_seconds().values()) / 3600
        limits = (
            (bounds.max_steps, state.step),
            (bounds.max_tokens, state.sampled_tokens),
            (bounds.max_hours, hours),
            (bounds.max_model_tokens, spent["model_tokens"]),
            (bounds.max_unscreened_tokens, spent["model_tokens"] - spent["screening_tokens"]),
            (bounds.max_updates, state.updates),
            (bounds.max_train_seconds, spent["seconds"]),
        )
        return any(bound and used >= bound for bound, used in limits)

    def spent_seconds(self) -> dict[str, float]:
        """Wall-clock seconds by phase, to the millisecond."""
        return {name: round(value, 3) for name, value in self.clock.read().items()}

    def budgets(self) -> dict[str, float]:
        """What the run has spent so far on each axis that runs are compared on; evaluation is left out.

        `model_tokens` are charged tokens, `screening_tokens` the part of them that screening took, `computed_tokens`
        what went through the layers; `computed_ratio` says how much more that is.
        """
        state = self.state
        charged = state.model_tokens
        return {
            "sampled_tokens": state.sampled_tokens,
            "model_tokens": charged,
            "screening_tokens": state.screening_tokens,
            "computed_tokens": state.computed_tokens,
            "computed_ratio": round(state.computed_tokens / charged, 4) if charged else 1.0,
            "seconds": round(sum(v for name, v in self.spent_seconds().items() if name != EVALUATE), 3),
            "updates": state.updates,
        }
