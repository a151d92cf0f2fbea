"""The batches of a gradient study as its folders have them, for all problems and for each bin of pass rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsk.compare.fixed.binning import bins_of
from dsk.compare.fixed.estimating import Batches
from dsk.compare.fixed.records import (
    GroupShare,
    MeasuredBatch,
    RatedProblem,
    read_batches,
    read_reference,
    read_vectors,
)

if TYPE_CHECKING:
    from jaxtyping import Float

ALL = "all problems"
Key = tuple[int, int]


@dataclass(frozen=True)
class Reference:
    """The problems with their pass rates; for each selection of them its members, and the parts of its gradient."""

    problems: tuple[RatedProblem, ...]
    members: dict[str, frozenset[str]]
    parts: dict[str, Float[np.ndarray, "H K"]]


@dataclass(frozen=True)
class Selected:
    """An arm's batches of one selection of problems, and which they are: seed and number."""

    keys: tuple[Key, ...]
    batches: Batches


@dataclass(frozen=True)
class _Unit:
    """A batch with the gradients [R, K] of its groups."""

    key: Key
    row: MeasuredBatch
    vectors: Float[np.ndarray, "R K"]


def read_whole_reference(folder: Path, edges: Sequence[float]) -> Reference:
    """Raises DamagedFileError."""
    problems = read_reference(folder)
    vectors = {row.id: read_vectors(folder, place) for place, row in enumerate(problems)}
    selections = {ALL: problems, **bins_of(problems, edges)}
    return Reference(
        tuple(problems),
        {name: frozenset(row.id for row in rows) for name, rows in selections.items()},
        {name: np.mean([vectors[row.id] for row in rows], axis=0) for name, rows in selections.items()},
    )


def read_arm(runs: Sequence[tuple[int, Path]], reference: Reference) -> dict[str, Selected]:
    """Selection to the arm's batches, those of all its seeds (given with their folders) together.

    Over all problems the unit is a mini-batch; in a bin it is a group, because a batch has problems of several bins.
    Raises DamagedFileError.
    """
    units = [
        _Unit((seed, row.batch), row, read_vectors(folder, row.batch))
        for seed, folder in runs
        for row in read_batches(folder)
    ]
    return {name: _select(units, name, reference) for name in reference.parts}


def _select(units: Sequence[_Unit], name: str, reference: Reference) -> Selected:
    members, parts = reference.members[name], reference.parts[name].astype(np.float64)
    shares = [[place for place, g in enumerate(unit.row.groups) if g.id in members] for unit in units]
    kept = [(unit, places) for unit, places in zip(units, shares, strict=True) if places]
    gradients = [_gradients(unit, places, parts.shape[1]) for unit, places in kept]
    sums = np.asarray([g.sum(axis=0) for g in gradients]).reshape(len(kept), parts.shape[1])
    whole = name == ALL
    groups = [[unit.row.groups[place] for place in places] for unit, places in kept]
    batches = Batches(
        gram=sums @ sums.T,
        against=sums @ parts.T,
        reference=parts @ parts.T,
        squares=np.asarray([(s @ s if whole else (g**2).sum()) for s, g in zip(sums, gradients, strict=True)]),
        counts=np.asarray([1.0 if whole else len(places) for _, places in kept]),
        tokens=_summed(groups, "model_tokens"),
        seconds=_summed(groups, "seconds"),
        groups=np.asarray([float(len(found)) for found in groups]),
        silent=_summed(groups, "silent"),
    )
    return Selected(tuple(unit.key for unit, _ in kept), batches)


def _gradients(unit: _Unit, places: Sequence[int], size: int) -> Float[np.ndarray, "G K"]:
    """Those of the groups at `places`, 0 where one has none."""
    found = dict(zip(unit.row.rows, unit.vectors, strict=True))
    return np.asarray([found.get(place, np.zeros(size)) for place in places], np.float64)


def _summed(groups: Sequence[Sequence[GroupShare]], name: str) -> Float[np.ndarray, " B"]:
    return np.asarray([float(sum(getattr(group, name) for group in found)) for found in groups])
