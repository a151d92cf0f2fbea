"""How far the runs of a study are, read from their folders while they go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsk.compare.fixed.planning import amount
from dsk.compare.fixed.records import MEASURED
from dsk.compare.planning import PlannedRun
from dsk.compare.runs import BUDGETS, SEARCH_FILE, without_screening
from dsk.compare.study import BOUNDS, ENDLESS_ROUNDS


class RunProgress:
    """One run's progress; each call of `line` reads what was written since the last one.

    The time that is left supposes that the run goes on at the pace that it had since this object was made.
    """

    def __init__(self, run: PlannedRun, clock: Callable[[], float] = time.monotonic) -> None:
        self.run, self._clock = run, clock
        self._targets = targets(run)
        self._events, self._trees = (
            _NewLines(run.folder / "events.jsonl"),
            _NewLines(run.folder / (MEASURED if run.work else SEARCH_FILE)),
        )
        self._latest: Mapping[str, Any] = {}
        self._found = 0
        self._read()
        self._began, self._first = clock(), self._share()

    def line(self) -> str:
        """Arm, seed, step, what is spent of the budget, and about how long the rest takes."""
        done, left = self.told()
        return f"{self.run.label}: {done}" + (f", {left}" if left else "")

    def told(self) -> tuple[str, str]:
        """How far the run is, and about how long the rest takes (empty where that is not known)."""
        self._read()
        left = self._seconds_left()
        return ", ".join(self._parts()), "" if left is None else f"about {_duration(left)} left"

    def _read(self) -> None:
        for line in self._events.read():
            record = _record(line)
            if record.get("event") == "step":
                self._latest = {**record, **without_screening(record)}
        self._found += len(self._trees.read())

    def _parts(self) -> list[str]:
        if self.run.work:
            most, unit = amount(self.run)
            return [f"{self._found} of {most} {unit}"]
        if self._found:
            return [f"{self._found} trees"]
        if not self._latest:
            return ["before its first step"]
        parts = [f"step {self._latest['step']}"]
        for axis, bound in self._targets.items():
            of = f" of {bound:,.0f}" if bound else ""
            if axis != "step" and axis in self._latest:
                parts.append(f"{self._latest[axis]:,.0f}{of} {BUDGETS[axis]}")
        return parts

    def _share(self) -> float:
        """How much of the nearest bound is spent, or of a fixed number of measurements done."""
        if self.run.work:
            return min(self._found / max(amount(self.run)[0], 1), 1.0)
        known = [(self._latest.get(axis, 0), bound) for axis, bound in self._targets.items() if bound]
        return min(max((spent / bound for spent, bound in known), default=0.0), 1.0)

    def _seconds_left(self) -> float | None:
        done = self._share() - self._first
        return (self._clock() - self._began) * (1 - self._share()) / done if done > 0 else None


def targets(run: PlannedRun) -> dict[str, float]:
    """The run's bounds by the figure of its step records that reaches them; model tokens are there without a bound."""
    rounds = run.spec.rounds
    found: dict[str, float] = {"model_tokens": rounds.max_model_tokens}
    found |= {axis: bound for axis, name in BOUNDS.items() if (bound := getattr(rounds, name))}
    steps = rounds.max_steps or (rounds.count * rounds.steps if rounds.count < ENDLESS_ROUNDS else 0)
    return found | ({"step": steps} if steps else {})


class _NewLines:
    """The whole lines that were added to a file since the last time."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def read(self) -> list[bytes]:
        if not self._path.is_file():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = [line for line in file if line.endswith(b"\n")]
        self._offset += sum(map(len, lines))
        return lines


def _record(line: bytes) -> dict[str, Any]:
    """A record; nothing where the line is damaged, which the comparison itself will name."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
