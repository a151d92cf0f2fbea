"""A run as it lies in its folder, finished or not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsk.core.errors import RunFolderError
from dsk.core.loading import load_spec
from dsk.core.run.folder import read_spec, read_status
from dsk.core.run.records import read_records
from dsk.core.run.stored import read_object
from dsk.core.spec import RunSpec

SUMMARY = "summary.json"
_REWRITTEN = "delete it: a resume writes it again"


@dataclass(frozen=True)
class Run(os.PathLike[str]):
    """A run: its folder, and its summary, which is empty until the run has finished.

    It may stand wherever a run's folder may: `dsk.write_report(run)`, `dsk.evaluate(spec, run)`.
    """

    folder: Path
    summary: Mapping[str, Any] = field(repr=False)

    def __fspath__(self) -> str:
        return str(self.folder)

    @property
    def status(self) -> str:
        """`finished`, `running`, `interrupted` or `failed`. Raises DamagedFileError."""
        return read_status(self.folder)[0]

    @property
    def spec(self) -> RunSpec:
        """What the run began with. Raises SpecError where its components are not all registered here."""
        return load_spec(self.folder)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every record of events.jsonl, without what a resume rolled back. Raises DamagedFileError."""
        return read_records(self.folder)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The figures of each training step, in order; a table for `pandas.DataFrame`."""
        return self.of("step")

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """The held-out evaluations, in order: when, pass@1 with its interval, and what was spent by then."""
        return self.of("evaluation")

    def of(self, event: str) -> list[dict[str, Any]]:
        """The records of one kind: `step`, `evaluation`, `round`, `update`, `groups`, `notice`, ..."""
        return [record for record in self.records if record["event"] == event]

    def _repr_html_(self) -> str:
        from dsk.core.run.shown_run import run_html

        return run_html(read_spec(self.folder)["name"], self.status, self.records)


def load_run(folder: str | os.PathLike[str]) -> Run:
    """The run in `folder`, finished or not. Raises RunFolderError where there is none, DamagedFileError."""
    place = Path(folder)
    if not (place / "spec.json").is_file():
        raise RunFolderError(f"{place}: holds no run; name a run's folder, e.g. runs/quickstart")
    summary = place / SUMMARY
    return Run(place, read_object(summary, dict[str, Any], _REWRITTEN) if summary.exists() else {})
