"""Checkpoints: model and optimiser as safetensors, everything else as JSON, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model

from dsk.core.errors import CheckpointError

WEIGHTS, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
TORCH_RNG = "torch_rng_state"
KEPT = 2


@dataclass(frozen=True)
class RunState:
    """Where a run is; counters are totals.

    `round_step` and `mini_batch` count what is finished in this round and in this step; `collected` counts the steps
    whose groups are on disk, `anchored` those whose old log-probabilities are taken, `begun_rounds` and `begun_steps`
    those that were found within budget. `version` counts updates tried (the weights' version), `updates` those applied.

    Charged tokens: `sampled`; `prefix`, given ones that an ideal cache encodes once; `scored`, forward passes without
    gradient; `trained`, each shared token once. `screening_tokens` are the part of sampled and prefix tokens that
    screening took; `computed_tokens` went through the layers.
    """

    round: int = 0
    step: int = 0
    round_step: int = 0
    mini_batch: int = 0
    collected: int = 0
    anchored: int = 0
    begun_rounds: int = 0
    begun_steps: int = 0
    version: int = 0
    updates: int = 0
    sampled_tokens: int = 0
    prefix_tokens: int = 0
    scored_tokens: int = 0
    trained_tokens: int = 0
    screening_tokens: int = 0
    computed_tokens: int = 0
    event_seq: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

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


def save_checkpoint(
    folder: Path, state: RunState, model: torch.nn.Module, optimizer: Mapping[str, torch.Tensor]
) -> Path:
    """Write `folder/NAME` and drop all but the last two. Raises CheckpointError with the previous one intact."""
    target, partial = folder / state.name, folder / (state.name + ".partial")
    if target.exists():
        return target
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_model(model, str(partial / WEIGHTS))
        tensors = {name: tensor.contiguous() for name, tensor in optimizer.items()}
        save_file({**tensors, TORCH_RNG: torch.get_rng_state()}, partial / OPTIMIZER)
        sums = {name: _sha256(partial / name) for name in (WEIGHTS, OPTIMIZER)}
        (partial / STATE).write_text(json.dumps({"state": asdict(state), "sha256": sums}, indent=2))
        partial.rename(target)
    except (OSError, RuntimeError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        last = latest_checkpoint(folder)
        raise CheckpointError(f"{target}: cannot be saved ({error}); last good checkpoint: {last or 'none'}") from error
    for old in checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)
    return target


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(path.parent for path in folder.glob(f"*/{STATE}") if not path.parent.name.endswith(".partial"))


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint."""
    found = checkpoints(folder)
    return found[-1] if found else None


def load_checkpoint(path: Path, model: torch.nn.Module) -> tuple[RunState, dict[str, torch.Tensor]]:
    """Load weights into `model` and restore torch's RNG; (state, optimiser tensors). Raises CheckpointError."""
    try:
        data = json.loads((path / STATE).read_text())
        for name, expected in data["sha256"].items():
            if _sha256(path / name) != expected:
                raise CheckpointError(f"{path / name}: checksum differs; delete {path} to resume from the one before")
        load_model(model, path / WEIGHTS)
        tensors = load_file(path / OPTIMIZER)
    except (OSError, KeyError, json.JSONDecodeError, SafetensorError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    torch.set_rng_state(tensors.pop(TORCH_RNG))
    return RunState(**data["state"]), tensors


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
