"""`TrackerContract`: subclass it, say how to make your tracker, and pytest checks what every tracker promises."""

from __future__ import annotations

import copy
from abc import abstractmethod
from pathlib import Path
from typing import Any

import pytest

from dsk.core.roles import Tracker
from dsk.testing.component import ComponentContract

SPEC: dict[str, Any] = {"name": "tracked", "seed": 0, "task": {"kind": "arithmetic", "train_problems": 8}}
RECORDS: tuple[dict[str, Any], ...] = (
    {"event": "started", "seq": 0, "versions": {"dsk": "0.1.0"}},
    {"event": "step", "seq": 1, "step": 1, "loss": 0.5, "engine": {"decoded_tokens": 12}, "note": "\ud800 \x00"},
    {"event": "step", "seq": 2, "step": 2, "loss": float("nan"), "solved": True, "hard": [1, 2], "best": None},
    {"event": "finished", "seq": 3, "reward": float("-inf")},
)
Figures = dict[str, list[float]]


class TrackerContract(ComponentContract):
    """What every tracker promises. Override `make_tracker` and, where what was written can be read back, `written`."""

    @abstractmethod
    def make_tracker(self) -> Tracker:
        """The tracker under test; each call gives an equal one."""

    def written(self, folder: str) -> Figures | None:
        """What `step` records left of `loss` and `engine/decoded_tokens`, in order; None where it cannot be read."""
        return None

    def component(self) -> Tracker:
        """The tracker."""
        return self.make_tracker()

    def log(self, folder: Path, *records: dict[str, Any]) -> None:
        """One session with some records."""
        with self.make_tracker().open(str(folder), SPEC) as session:
            for record in records:
                session.log(record)

    def fail_while_open(self, folder: Path) -> None:
        """A run that stops on an error."""
        with self.make_tracker().open(str(folder), SPEC) as session:
            session.log(RECORDS[1])
            raise ZeroDivisionError("the run's own")

    def test_records_of_every_shape_are_taken_and_left_alone(self, tmp_path: Path) -> None:
        """Text, lists, nulls, NaN and infinities are normal input."""
        records = copy.deepcopy(RECORDS)
        self.log(tmp_path, *records)
        assert repr(records) == repr(RECORDS)

    def test_figures_come_back(self, tmp_path: Path) -> None:
        self.log(tmp_path, RECORDS[1])
        written = self.written(str(tmp_path))
        assert written in (None, {"loss": [0.5], "engine/decoded_tokens": [12.0]})

    def test_a_resumed_run_goes_on_where_it_stopped(self, tmp_path: Path) -> None:
        self.log(tmp_path, RECORDS[1])
        self.log(tmp_path, {**RECORDS[1], "seq": 2, "step": 2, "loss": 0.25})
        written = self.written(str(tmp_path))
        assert written in (None, {"loss": [0.5, 0.25], "engine/decoded_tokens": [12.0, 12.0]})

    def test_a_run_that_fails_closes_the_tracker_and_keeps_its_own_error(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError, match="the run's own"):
            self.fail_while_open(tmp_path)
        self.log(tmp_path, RECORDS[1])

    def test_two_runs_in_one_process_do_not_mix(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        with (
            self.make_tracker().open(str(tmp_path / "one"), {**SPEC, "name": "one"}) as one,
            self.make_tracker().open(str(tmp_path / "two"), {**SPEC, "name": "two"}) as two,
        ):
            one.log(RECORDS[1])
            two.log({**RECORDS[1], "loss": 7.0})
        for name, loss in (("one", 0.5), ("two", 7.0)):
            assert self.written(str(tmp_path / name)) in (None, {"loss": [loss], "engine/decoded_tokens": [12.0]})
