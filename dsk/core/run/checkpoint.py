"""Checkpoints: model and optimiser as safetensors, everything else as JSON, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from dsk.core.errors import CheckpointError
from dsk.core.run.files import sync_folder, sync_tree, writing
from dsk.core.run.stored import damaged, read_object
from dsk.core.types import named

STATE = "state.json"
PARTIAL = ".partial"
KEPT = 2
FREE_SPACE = "make room, then continue with --resume"


@dataclass(frozen=True)
class RunState:
    """Where a run is; counters are totals.

    `round_step` and `mini_batch` count what is finished in this round and in this step, `drawn` the problems that the
    round's steps took; `collected` counts the steps whose groups are on disk, `anchored` those whose old
    log-probabilities are taken, `begun_rounds` and `begun_steps` those that were found within budget. `version` counts
    updates tried (the weights' version), `updates` those applied. `screened` counts the rounds whose hard set is on
    disk, `evaluated` is the last step that was evaluated on the way, `scores` has the evaluations before and after.

    `round_solved` and `round_filtered` are this round's sums, `step_updates` the figures of this step's updates: all
    that a decision or a record needs of earlier records, so that nothing reads those again.

    Charged tokens: `sampled`; `prefix`, given ones that an ideal cache encodes once; `scored`, forward passes without
    gradient; `trained`, each shared token once. `screening_tokens` are the part of sampled and prefix tokens that
    screening took; `computed_tokens` went through the layers.

    `seconds` and `memory` are the ledger's when the checkpoint was saved: `memory` has what lasts between steps, by
    problem, `pass_rate` of its last screening and what its groups left (`Group.history`).
    """

    round: int = 0
    step: int = 0
    round_step: int = 0
    drawn: int = 0
    mini_batch: int = 0
    collected: int = 0
    anchored: int = 0
    begun_rounds: int = 0
    begun_steps: int = 0
    version: int = 0
    updates: int = 0
    screened: int = 0
    evaluated: int = 0
    round_solved: int = 0
    round_filtered: int = 0
    sampled_tokens: int = 0
    prefix_tokens: int = 0
    scored_tokens: int = 0
    trained_tokens: int = 0
    screening_tokens: int = 0
    computed_tokens: int = 0
    event_seq: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    step_updates: Sequence[Mapping[str, float]] = ()

    @property
    def name(self) -> str:
        """The checkpoint's folder name; sorts by progress."""
        return f"{self.step:06d}.{self.round:03d}.{self.mini_batch:03d}.{self.event_seq:09d}"

    @property
    def model_tokens(self) -> int:
        """Charged tokens: a trained one counts three times, forward and backward."""
        return self.sampled_tokens + self.prefix_tokens + self.scored_tokens + 3 * self.trained_tokens

    def advance(self, **changes: Any) -> RunState:
        """A copy with changes."""
        return replace(self, **changes)


@dataclass(frozen=True)
class _Stored:
    """state.json: a state, and the checksums of the checkpoint's files and of the state itself."""

    state: Mapping[str, Any]
    sha256: Mapping[str, str]


def save_checkpoint(folder: Path, state: RunState, write: Callable[[Path], None]) -> Path:
    """Write `folder/NAME`, what the learner's `write` puts there and the state, and then drop all but the last two.

    Raises CheckpointError with the previous one intact.
    """
    target, partial = folder / state.name, folder / (state.name + PARTIAL)
    if target.exists():
        return target
    try:
        for left in folder.glob(f"*{PARTIAL}"):
            shutil.rmtree(left)
        partial.mkdir(parents=True)
        write(partial)
        sums = {path.name: _sha256(path) for path in sorted(partial.iterdir())}
        fields = named(state)
        stored = _Stored(fields, sums | {STATE: _sum_of(fields)})
        (partial / STATE).write_text(json.dumps(named(stored), indent=2))
        _publish(partial, target)
        for old in checkpoints(folder)[:-KEPT]:
            _drop(old)
    except (OSError, RuntimeError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        last = latest_checkpoint(folder)
        raise CheckpointError(f"{target}: cannot be saved ({error}); last good checkpoint: {last or 'none'}") from error
    return target


def _publish(partial: Path, target: Path) -> None:
    """Give a folder its name once all of it is on disk, and put the name there too."""
    sync_tree(partial)
    partial.rename(target)
    sync_folder(target.parent)
    sync_folder(target.parent.parent)  # the first one also makes `checkpoints` itself


def _drop(old: Path) -> None:
    """Remove a checkpoint; it loses its name first, so that half of it is never taken for a whole one."""
    gone = old.with_name(old.name + PARTIAL)
    old.rename(gone)
    shutil.rmtree(gone)


def save_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder whole or not at all. Raises CheckpointError."""
    partial = folder.with_name(folder.name + PARTIAL)
    with writing(folder, FREE_SPACE):
        try:
            shutil.rmtree(partial, ignore_errors=True)
            write(partial)
            shutil.rmtree(folder, ignore_errors=True)
            _publish(partial, folder)
        except Exception as error:
            shutil.rmtree(partial, ignore_errors=True)
            if type(error) is Exception or isinstance(error, SafetensorError):  # tokenizers raises bare Exceptions
                raise CheckpointError(f"{folder}: cannot be written: {error}; {FREE_SPACE}") from error
            raise


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(path.parent for path in folder.glob(f"*/{STATE}") if not path.parent.name.endswith(PARTIAL))


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint."""
    found = checkpoints(folder)
    return found[-1] if found else None


def load_checkpoint(path: Path, restore: Callable[[Path], None]) -> RunState:
    """The state of a checkpoint whose files are as they were written, after `restore` took the learner's part.

    Raises DamagedFileError, or CheckpointError where it belongs to another model.
    """
    state = _read_state(path)
    try:
        restore(path)
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}; {_other(path)}") from error
    return state


def _read_state(path: Path) -> RunState:
    """The state of a checkpoint whose files are all as they were written."""
    stored = read_object(path / STATE, _Stored, _other(path))
    for name in (STATE, *(name for name in stored.sha256 if name != STATE)):
        try:
            found = _sum_of(stored.state) if name == STATE else _sha256(path / name)
        except OSError as error:
            raise damaged(path / name, f"cannot be read ({error.strerror})", _other(path)) from error
        if found != stored.sha256.get(name):
            raise damaged(path / name, "checksum differs", _other(path))
    try:
        return RunState(**stored.state)
    except TypeError as error:
        raise damaged(path / STATE, f"another version of dsk wrote it ({error})", _other(path)) from error


def _other(path: Path) -> str:
    return f"delete {path} to resume from the one before"


def _sum_of(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
