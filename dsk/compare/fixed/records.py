"""What the runs of a study at a fixed policy leave in their folders: one line a unit, and gradients beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import numpy as np
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from dsk.core.run.files import writing
from dsk.core.run.stored import damaged, read_rows

if TYPE_CHECKING:
    from jaxtyping import Float

MEASURED = "measured.jsonl"
VECTORS = "vectors"
AGAIN = "delete the folder, and the study measures it again"
T = TypeVar("T")
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class RatedProblem:
    """A problem of the reference run: `correct` of `samples` direct responses, `tokens` all of them together."""

    id: str
    samples: Annotated[int, Field(ge=1)]
    correct: Count
    tokens: Count

    @property
    def rate(self) -> float:
        """Its pass rate."""
        return self.correct / self.samples


@dataclass(frozen=True)
class GroupShare:
    """One group of a batch: what it cost, and whether it had any advantage."""

    id: str
    silent: bool
    model_tokens: float
    seconds: float


@dataclass(frozen=True)
class MeasuredBatch:
    """One mini-batch of an arm. `rows` are the groups, by place, that have a gradient among the batch's vectors."""

    batch: Count
    groups: tuple[GroupShare, ...]
    rows: tuple[Count, ...]


@dataclass(frozen=True)
class FirstSolution:
    """A problem of an exploration run: tokens sampled until its first solution, None where `tokens` brought none."""

    id: str
    first: Count | None
    tokens: Count
    jobs: Count


def read_reference(folder: Path) -> list[RatedProblem]:
    """The problems of a reference run. Raises DamagedFileError."""
    return _read(folder, RatedProblem)


def read_batches(folder: Path) -> list[MeasuredBatch]:
    """The batches of a gradient run. Raises DamagedFileError."""
    return _read(folder, MeasuredBatch)


def read_first_solutions(folder: Path) -> list[FirstSolution]:
    """The problems of an exploration run. Raises DamagedFileError."""
    return _read(folder, FirstSolution)


def _read(folder: Path, kind: type[T]) -> list[T]:
    path = folder / MEASURED
    return read_rows(path, kind, AGAIN) if path.exists() else []


def write_vectors(folder: Path, number: int, vectors: Sequence[np.ndarray], size: int) -> None:
    """Keep sketches [R, K] of the unit `number`."""
    path = _vectors(folder, number)
    stacked = np.stack(vectors) if vectors else np.zeros((0, size), np.float32)
    with writing(path, "make room, then give the same command again"):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({VECTORS: stacked.astype(np.float32)}, path)


def read_vectors(folder: Path, number: int) -> Float[np.ndarray, "R K"]:
    """What `write_vectors` kept. Raises DamagedFileError."""
    path = _vectors(folder, number)
    try:
        return load_file(path)[VECTORS]
    except (OSError, SafetensorError, KeyError) as error:
        raise damaged(path, f"cannot be read ({error})", AGAIN) from error


def _vectors(folder: Path, number: int) -> Path:
    return folder / VECTORS / f"{number:06d}.safetensors"
