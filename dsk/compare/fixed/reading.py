"""The batches of a gradient study as its folders have them, for all problems and for each bin of pass rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsk.compare.fixed.binning import bins_of
from dsk.compare.fixed.estimating import Batches, Replicates, replicates
from dsk.compare.fixed.records import (
    GroupShare,
    MeasuredBatch,
    RatedProblem,
    read_batches,
    read_reference,
    read_vectors,
)
from dsk.core.errors import DataError

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
    """An arm's batches of one selection of problems, and which they are: seed and number.

    `units` are the same with every gradient at length 1, as clipping leaves it.
    """

    keys: tuple[Key, ...]
    batches: Batches
    units: Batches

    def replicates(self, keys: Sequence[Key] | None = None) -> Replicates:
        """What figures and intervals are made of; of the batches `keys` alone where they are given."""
        if keys is None:
            return replicates(self.batches, self.units)
        places = [self.keys.index(key) for key in keys]
        return replicates(self.batches.only(places), self.units.only(places))


@dataclass(frozen=True)
class _Unit:
    """A batch with the gradients [R, K] of its groups."""

    key: Key
    row: MeasuredBatch
    vectors: Float[np.ndarray, "R K"]


def read_whole_reference(folder: Path, edges: Sequence[float]) -> Reference:
    """Raises DataError where nothing is measured yet, and DamagedFileError."""
    problems = read_reference(folder)
    if not problems:
        raise DataError("nothing to compare: the reference is not measured yet")
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
    if name == ALL:
        gradients = [found.sum(axis=0, keepdims=True) for found in gradients]
    groups = [[unit.row.groups[place] for place in places] for unit, places in kept]
    keys = tuple(unit.key for unit, _ in kept)
    return Selected(keys, _batches(gradients, groups, parts), _batches(map(_at_length_one, gradients), groups, parts))


def _batches(
    gradients: Iterable[Float[np.ndarray, "G K"]],
    groups: Sequence[Sequence[GroupShare]],
    parts: Float[np.ndarray, "H K"],
) -> Batches:
    found = list(gradients)
    sums = np.asarray([g.sum(axis=0) for g in found]).reshape(len(found), parts.shape[1])
    return Batches(
        gram=sums @ sums.T,
        against=sums @ parts.T,
        reference=parts @ parts.T,
        squares=np.asarray([(g**2).sum() for g in found]),
        counts=np.asarray([float(len(g)) for g in found]),
        tokens=_summed(groups, "model_tokens"),
        seconds=_summed(groups, "seconds"),
        groups=np.asarray([float(len(members)) for members in groups]),
        silent=_summed(groups, "silent"),
    )


def _at_length_one(gradients: Float[np.ndarray, "G K"]) -> Float[np.ndarray, "G K"]:
    """Each at length 1, and 0 where it is 0."""
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    return np.divide(gradients, lengths, out=np.zeros_like(gradients), where=lengths > 0)


def _gradients(unit: _Unit, places: Sequence[int], size: int) -> Float[np.ndarray, "G K"]:
    """Those of the groups at `places`, 0 where one has none."""
    found = dict(zip(unit.row.rows, unit.vectors, strict=True))
    return np.asarray([found.get(place, np.zeros(size)) for place in places], np.float64)


def _summed(groups: Sequence[Sequence[GroupShare]], name: str) -> Float[np.ndarray, " B"]:
    return np.asarray([float(sum(getattr(group, name) for group in found)) for found in groups])
