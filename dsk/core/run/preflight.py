"""What a run of a spec would trip over on this machine, found by looking at files and data, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dsk.core.errors import DskError, ModelError
from dsk.core.model.files import model_faults, read_object
from dsk.core.model.source import locate_model
from dsk.core.run.references import unjudgeable
from dsk.core.spec import RunSpec
from dsk.core.types import Problem

SHOWN = 3
Split = Literal["train", "test"]


@dataclass(frozen=True)
class Findings:
    """`missing` has a line for each thing that would stop the run, `notices` for what would not; `read` what was read.

    `problems` are those that the run would read, by split.
    """

    missing: list[str]
    notices: list[str]
    read: list[str]
    problems: dict[Split, list[Problem]]


def look(spec: RunSpec) -> Findings:
    """Read the model's files but its weights, every row of the data that the run would read, and ask each component."""
    found = Findings([], [], [], {})
    for part in (_model, _components, _cache, _data):
        part(spec, found)
    return found


def _model(spec: RunSpec, found: Findings) -> None:
    try:
        path, extra = locate_model(spec.model.path)
    except ModelError as error:
        found.missing.append(str(error))
        return
    folder = Path(path)
    if extra or not folder.is_dir():
        found.read.append(f"nothing of the model '{spec.model.path}' (not a folder)")
        return
    found.missing.extend(model_faults(folder, spec.prompt.style == "chat"))
    found.read.append("the model's files but its weights")
    if (folder / "config.json").is_file():
        _attempt(found, lambda: _engine_runs(spec, folder))


def _engine_runs(spec: RunSpec, folder: Path) -> Iterator[str]:
    obstacle = spec.engine.obstacle(read_object(folder / "config.json"))
    if obstacle:
        yield f"model.path: {obstacle}"


def _attempt(found: Findings, check: Callable[[], Iterator[str]]) -> None:
    """Keep what a check says, and what it raises on purpose, each line once."""
    try:
        lines = list(check())
    except DskError as error:
        lines = [str(error)]
    found.missing.extend(line for line in lines if line not in found.missing)


def _components(spec: RunSpec, found: Findings) -> None:
    parts = {f"engine '{spec.engine.kind}'": spec.engine, f"verifier '{spec.verifier.kind}'": spec.verifier}
    parts |= {f"scorer '{spec.scorer.kind}'": spec.scorer}
    parts |= {f"tracker '{tracker.kind}'": tracker for tracker in spec.trackers}
    for name, part in parts.items():
        lack = part.missing()
        if lack:
            found.missing.append(f"{name}: {lack}")


def _cache(spec: RunSpec, found: Findings) -> None:
    """A shared store must be of this task and verifier."""

    def check() -> Iterator[str]:
        # a store within the run's own folder starts empty, so the folder that is asked about is one that is not there
        owner = spec.cache.identity(str(Path("runs", spec.name, "not-there")))
        ours = (spec.task.identity, spec.verifier.identity) if owner else ()
        for what, theirs, mine in zip(("task", "verifier"), owner or (), ours, strict=False):
            if theirs != mine:
                yield f"cache: it belongs to the {what} '{theirs}', not to '{mine}'; name another cache"

    _attempt(found, check)


def _data(spec: RunSpec, found: Findings) -> None:
    limits: dict[Split, int] = {"train": spec.screen.problems, "test": spec.evaluate.problems}
    for split, limit in limits.items():
        problems, faults = spec.task.survey(split, limit)
        found.problems[split] = problems
        found.read.append(f"{len(problems):,} {split} problems")
        if faults:
            _attempt(found, lambda split=split, faults=faults: iter([_bad_rows(split, faults)]))
        elif split == "train" and not problems:
            found.missing.append("task: no training problems; check its path and fields")
        _attempt(found, lambda split=split, problems=problems: _references(spec, split, problems, found))


def _references(spec: RunSpec, split: str, problems: list[Problem], found: Findings) -> Iterator[str]:
    told = unjudgeable(spec, split, problems)
    if told and told[1]:
        yield told[0]
    elif told:
        found.notices.append(told[0])


def _bad_rows(split: str, faults: list[str]) -> str:
    if len(faults) == 1:
        return f"task: {faults[0]}"
    shown = "; ".join(faults[:SHOWN]) + ("; ..." if len(faults) > SHOWN else "")
    return f"task: {len(faults):,} bad rows in {split}: {shown}; fix them, or set task.on_bad_row to 'skip'"
