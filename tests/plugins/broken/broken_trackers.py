"""Trackers that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from dsk.core.roles import Tracker
from dsk.testing import TrackerContract


class Sound(Tracker):
    """Lines of JSON: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"
    mode: ClassVar[str] = "a"

    @contextmanager
    def open(self, folder, spec):
        with self.path(folder).open(self.mode) as file:
            yield self.session(file)

    def path(self, folder) -> Path:
        return Path(folder) / "figures.jsonl"

    def session(self, file) -> Any:
        return Session(file)


class Session:
    def __init__(self, file) -> None:
        self.file = file

    def log(self, record) -> None:
        self.file.write(json.dumps(record) + "\n")


class BrokenTracker(TrackerContract):
    tracker: ClassVar[Tracker]

    def make_tracker(self):
        return self.tracker

    def written(self, folder):
        found = defaultdict(list)
        for line in self.tracker.path(folder).read_text().splitlines():
            record = json.loads(line)
            if record["event"] == "step":
                found["loss"].append(record["loss"])
                found["engine/decoded_tokens"].append(float(record["engine"]["decoded_tokens"]))
        return dict(found)


class PoppingSession(Session):
    def log(self, record) -> None:
        record.pop("seq")
        super().log(record)


class Popping(Sound):
    """Takes a record apart that others still read."""

    def session(self, file):
        return PoppingSession(file)


class BreaksRecords(BrokenTracker):
    caught_by = "test_records_of_every_shape_are_taken_and_left_alone"
    tracker = Popping()


class NumbersOnlySession(Session):
    def log(self, record) -> None:
        self.file.write(json.dumps({name: float(value) for name, value in record.items() if name != "event"}))


class NumbersOnly(Sound):
    """Expects every value to be a number."""

    def session(self, file):
        return NumbersOnlySession(file)


class BreaksOnText(BrokenTracker):
    caught_by = "test_records_of_every_shape_are_taken_and_left_alone"
    tracker = NumbersOnly()


class RoundingSession(Session):
    def log(self, record) -> None:
        super().log({**record, "loss": round(record["loss"]), "engine": record.get("engine")})


class Rounding(Sound):
    """Writes whole numbers."""

    def session(self, file):
        return RoundingSession(file)


class BreaksFigures(BrokenTracker):
    caught_by = "test_figures_come_back"
    tracker = Rounding()


class Overwriting(Sound):
    """Starts its file anew when a run is resumed."""

    mode: ClassVar[str] = "w"


class BreaksResuming(BrokenTracker):
    caught_by = "test_a_resumed_run_goes_on_where_it_stopped"
    tracker = Overwriting()


class Swallowing(Sound):
    """Hides the run's error."""

    @contextmanager
    def open(self, folder, spec):
        with super().open(folder, spec) as session, suppress(ArithmeticError):
            yield session


class BreaksErrors(BrokenTracker):
    caught_by = "test_a_run_that_fails_closes_the_tracker_and_keeps_its_own_error"
    tracker = Swallowing()


class OneSession(Sound):
    """One file for all runs of the process: the last one opened."""

    latest: ClassVar[list[Any]] = []

    @contextmanager
    def open(self, folder, spec):
        with super().open(folder, spec) as session:
            self.latest.append(session)
            yield self

    def log(self, record) -> None:
        self.latest[-1].log(record)


class BreaksTwoRuns(BrokenTracker):
    caught_by = "test_two_runs_in_one_process_do_not_mix"
    tracker = OneSession()
