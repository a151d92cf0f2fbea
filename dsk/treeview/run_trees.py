"""The trees that a run has kept, with the groups that were trained on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsk.core.component import did_you_mean
from dsk.core.errors import DataError, RunFolderError
from dsk.core.run.stored_groups import group_files, read_groups, step_file
from dsk.core.run.stored_trees import TREES, read_trees
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group


@dataclass(frozen=True)
class KeptTree:
    """A tree, the step it was grown for (from 1) and its group."""

    step: int
    record: TreeRecord
    group: Group

    @property
    def right(self) -> int:
        """Verified ends that are correct."""
        return int(self.record.correct.sum())

    @property
    def wrong(self) -> int:
        """Verified ends that are not."""
        return len(self.record.correct) - self.right

    @property
    def interest(self) -> tuple[bool, int, int]:
        """Right and wrong ends in one tree first, then a late first solution, then many nodes."""
        solved = self.record.correct.nonzero()[0]
        return self.right * self.wrong > 0, int(solved[0]) if len(solved) else -1, len(self.record.parent)


def kept_trees(folder: Path) -> list[KeptTree]:
    """All trees of a run, step by step. Raises RunFolderError where there is no run or it kept none."""
    if not (folder / "spec.json").exists():
        raise RunFolderError(f"{folder}: holds no run; name a run's folder, e.g. runs/quickstart")
    found = [tree for file in group_files(folder) for tree in trees_of_step(folder, int(file.name.split(".")[0]))]
    if not found:
        raise RunFolderError(
            f'{folder}: keeps no whole trees; run it with keep = "trees" (--set keep=trees) and a rollout that grows'
            " them ('tree')"
        )
    return found


def trees_of_step(folder: Path, step: int) -> Iterator[KeptTree]:
    """The trees of a step (from 0), none where it kept none. Raises DamagedFileError."""
    path = step_file(folder, step, TREES)
    groups = iter(read_groups(step_file(folder, step)) if path.exists() else ())
    for record in read_trees(path) if path.exists() else ():
        # trees are in the order of their groups, and some groups have none
        group = next((group for group in groups if group.problem.id == record.problem_id), None)
        if group is not None:
            yield KeptTree(step + 1, record, group)


def pick_tree(trees: Sequence[KeptTree], problem: str | None = None, step: int | None = None) -> KeptTree:
    """The most interesting tree; of a problem the last, or the step's. Raises DataError naming what there is."""
    ids = sorted({tree.record.problem_id for tree in trees})
    if problem is not None and problem not in ids:
        raise DataError(f"no tree of problem '{problem}' among those of {len(ids)}{did_you_mean(problem, ids)}")
    found = [tree for tree in trees if problem in (None, tree.record.problem_id)]
    steps = sorted({tree.step for tree in found})
    if step is not None and step not in steps:
        whose = "" if problem is None else f" of problem '{problem}'"
        raise DataError(f"no tree{whose} at step {step}; steps that have one: {', '.join(map(str, steps))}")
    found = [tree for tree in found if step in (None, tree.step)]
    return found[-1] if problem is not None else max(found, key=lambda tree: tree.interest)
