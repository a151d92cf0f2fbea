"""Which spec `dsk run` takes: that of a file with its overrides, or, to resume, the one that the run began with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from dsk.core.errors import RunFolderError, SpecError
from dsk.core.input.reading import read_json
from dsk.core.loading import load_spec, override, read_fields
from dsk.core.spec import RunSpec

OVERRIDES = "overrides.json"
"""In a run's folder: the list of `--set` assignments that it began with, where there were any."""


def run_spec(
    target: Path, assignments: Sequence[str], folder: Path | None, *, resume: bool, dry_run: bool
) -> tuple[RunSpec, Path | None]:
    """The spec to run and its folder (None is the default one), from a spec file or a run's folder.

    To resume, what the run began with is set again before `assignments`; whether the result is the run's own spec is
    for `open_folder` to judge, which refuses any other. Raises SpecError; RunFolderError for a run's folder that is
    neither to be resumed nor only planned.
    """
    if not os.path.isdir(target):
        begun = _begun_with(folder or _default_folder(target, assignments)) if resume else []
        return load_spec(target, [*begun, *assignments]), folder
    loaded = load_spec(target, assignments)
    if folder is not None and folder.resolve() != target.resolve():
        raise RunFolderError(f"--folder {folder}: {target} is a run's folder already; leave out --folder")
    if not (resume or dry_run):
        raise RunFolderError(
            f"{target}: a run's folder; `dsk run {target} --resume` continues it,"
            f" `dsk run {target / 'spec.json'} --set name=...` begins another run of the same spec"
        )
    return loaded, target


def _default_folder(target: Path, assignments: Sequence[str]) -> Path:
    return Path("runs") / str(override(read_fields(target), assignments).get("name"))


def _begun_with(folder: Path) -> list[str]:
    path = folder / OVERRIDES
    found: Any = read_json(path) if os.path.isfile(path) else []
    if not (isinstance(found, list) and all(isinstance(item, str) for item in cast("list[object]", found))):
        raise SpecError(f"{path}: not a list of texts like path=value; resume with `dsk run {folder} --resume`")
    return cast("list[str]", found)
