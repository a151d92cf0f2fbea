"""A run in the list: what it is doing, how far it is, and its last figures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, NonNegativeInt

from dsk.core.errors import DskError
from dsk.core.run.events import EVENTS_FILE
from dsk.core.run.folder import StoredSpec, read_spec, read_status
from dsk.core.run.following import LatestRecords
from dsk.report.remembered import remembered, stamp
from dsk.watch.places import Place

QUIET_SECONDS = 900
"""A run whose process is not here counts as running elsewhere until it has written nothing for so long."""
KILLED = "its process was killed"
SPENT = ("step", "updates", "model_tokens", "seconds", "group_reward", "trajectory_entropy")
JUDGED = ("pass_at_1", "low", "high", "when")


class _Rounds(BaseModel):
    count: NonNegativeInt = 0
    steps: NonNegativeInt = 0
    max_steps: NonNegativeInt = 0

    @property
    def most_steps(self) -> int:
        """Steps that the run ends after at the latest; 0 where only its problems bound them."""
        bounds = [bound for bound in (self.count * self.steps, self.max_steps) if bound]
        return min(bounds, default=0)


class _ListedSpec(StoredSpec):
    """What the list says of a spec."""

    rounds: _Rounds = _Rounds()


@remembered
def _spec(path: Path) -> _ListedSpec:
    return _ListedSpec.model_validate(read_spec(path.parent, _ListedSpec))


def live_status(folder: Path) -> tuple[str, str]:
    """(status, reason) as `read_status` has them; a run on another machine is known by what it writes."""
    status, reason = read_status(folder)
    if (status, reason) != ("interrupted", KILLED):
        return status, reason
    silent = time.time() - stamp(folder / EVENTS_FILE)[0] / 1e9
    if silent < QUIET_SECONDS:
        return "running", "no process here runs it: one of another machine, or it was killed just now"
    return status, f"{reason}, or it is on another machine and has written nothing for {silent / 60:.0f} minutes"


class Row:
    """One run's row, read again only when one of its files is another."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._latest = LatestRecords(place.folder, ("step", "evaluation", "screened", "finished"))
        self._seen: tuple[Any, ...] = ()
        self._row: dict[str, Any] = {}

    def data(self, place: Place) -> dict[str, Any]:
        """The row as JSON has it; `fault` says what of the folder cannot be read."""
        named = {"run": place.key, "name": place.name}
        if place.fault:
            return named | {"fault": place.fault}
        try:
            seen = (live_status(place.folder), *(stamp(place.folder / name) for name in (EVENTS_FILE, "spec.json")))
            if seen != self._seen:
                self._row, self._seen = self._read(place.folder, *seen[0]), seen
        except (DskError, OSError) as error:
            return named | {"fault": str(error)}
        return named | self._row

    def _read(self, folder: Path, status: str, reason: str) -> dict[str, Any]:
        spec, latest = _spec(folder / "spec.json"), self._latest.read()
        step, evaluation = latest.get("step", {}), latest.get("evaluation", {})
        begun = max(latest.values(), key=lambda record: record["seq"], default={})
        return {
            "status": status,
            "reason": reason,
            "task": spec.task.kind,
            "seed": spec.seed,
            "rounds": spec.rounds.count,
            "steps": spec.rounds.most_steps,
            "round": max(record.get("round", 0) for record in (*latest.values(), {"round": 0})),
            "written": begun.get("time"),
            **{name: step.get(name) for name in SPENT},
            **{name: evaluation.get(name) for name in JUDGED},
        } | ({"step": latest["resumed"].get("step")} if "resumed" in latest and not step else {})
