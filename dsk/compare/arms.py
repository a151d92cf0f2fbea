"""Which runs make one arm: those that differ in nothing but the seed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsk.compare.differences import spec_differences
from dsk.compare.runs import RunRecord

SEED_SUFFIX = re.compile(r"[-_.]?(seed|s)?[-_.]?$")


@dataclass(frozen=True)
class Arm:
    """Runs that differ in nothing but the seed."""

    name: str
    runs: tuple[RunRecord, ...]


def group_runs(runs: Sequence[RunRecord]) -> list[Arm]:
    """Runs whose specs differ only in name and seed become one arm, named by what their names share."""
    groups: list[list[RunRecord]] = []
    for run in runs:
        for group in groups:
            same_seed = any(run.seed == other.seed for other in group)
            if not same_seed and not spec_differences(group[0].spec, run.spec):
                group.append(run)
                break
        else:
            groups.append([run])
    names = [_shared_name(group) for group in groups]
    if _of_one_study(runs):
        names = [name.partition(".")[2] for name in names]
    unique = [n if names.count(n) == 1 else str(g[0].folder) for n, g in zip(names, groups, strict=True)]
    return [Arm(name, tuple(group)) for name, group in zip(unique, groups, strict=True)]


def _of_one_study(runs: Sequence[RunRecord]) -> bool:
    """Whether all runs are named `STUDY.ARM.seed-N` with one STUDY, as a study names its own."""
    named = all(run.name.count(".") > 1 and run.name.endswith(f".seed-{run.seed}") for run in runs)
    return named and len({run.name.partition(".")[0] for run in runs}) == 1


def _shared_name(group: Sequence[RunRecord]) -> str:
    first, last = min(run.name for run in group), max(run.name for run in group)
    shared = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return SEED_SUFFIX.sub("", shared) or first if len(group) > 1 else first
