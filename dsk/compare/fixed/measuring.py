"""One run of a study at a fixed policy: its folder claimed, the policy opened, its kind of work done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsk.compare.fixed.batches import measure_batches
from dsk.compare.fixed.exploring import measure_first_solutions
from dsk.compare.fixed.planning import REFERENCE, WORK_FILE, reference_folder
from dsk.compare.fixed.records import MEASURED, read_reference
from dsk.compare.fixed.reference import measure_reference
from dsk.compare.fixed.settings import ExplorationSettings, GradientSettings
from dsk.core.errors import DataError
from dsk.core.run.folder import open_folder, read_status
from dsk.core.run.ledger import Listener
from dsk.core.run.records import drop_torn_line, write_json
from dsk.core.run.session import Session
from dsk.core.spec import RunSpec
from dsk.core.types import Problem


def measure(
    spec: RunSpec,
    folder: Path,
    work: Mapping[str, Any],
    *,
    resume: bool,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> None:
    """Measure what `work` says (`planning.work_of`), from where an earlier process stopped.

    Raises DataError where the reference is not there yet, and InterruptedRun.
    """
    place = open_folder(spec, folder, resume)
    write_json(folder / WORK_FILE, dict(work))
    with place.status(), Session(spec, folder, listener, should_stop) as session:
        drop_torn_line(folder / MEASURED)
        kind, settings = work["kind"], _settings(work["settings"])
        if kind == REFERENCE:
            measure_reference(session, settings)
        elif isinstance(settings, GradientSettings):
            measure_batches(session, settings, _problems(session, folder))
        else:
            measure_first_solutions(session, settings, _problems(session, folder))


def _settings(data: Mapping[str, Any]) -> GradientSettings | ExplorationSettings:
    kind = ExplorationSettings if "tokens" in data else GradientSettings
    return kind.model_validate(data)


def _problems(session: Session, folder: Path) -> list[Problem]:
    """Those of the reference run, in its order."""
    reference = reference_folder(folder)
    if read_status(reference)[0] != "finished":
        raise DataError(
            f"{reference}: the run that all arms refer to is not finished; `dsk compare STUDY` runs it first"
        )
    return [session.parts.train.problems[row.id] for row in read_reference(reference)]
