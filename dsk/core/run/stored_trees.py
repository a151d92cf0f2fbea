"""trees/STEP.trees.jsonl.zst: the whole trees of a step's groups, a JSON line each, where the spec keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from dsk.core.run.records import write_packed
from dsk.core.run.stored import damaged, read_packed_rows
from dsk.core.run.stored_groups import FINITE, Int32
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group, StopReason, named

TREES = ".trees"
Parent = Annotated[int, Field(ge=-1, lt=1 << 31)]
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
MaybeFloat = float | None
"""Null is NaN: nothing was said."""


@dataclass(frozen=True)
class _StoredTree:
    """A `TreeRecord` as JSON has it."""

    __pydantic_config__: ClassVar[ConfigDict] = FINITE

    problem_id: str
    parent: list[Parent]
    token_ends: list[Count]
    tokens: list[Int32]
    logprobs: list[float]
    visits: list[Count]
    value: list[float]
    entropy: list[float]
    score: list[MaybeFloat]
    terminal: list[bool]
    stops: tuple[StopReason, ...]
    order: list[Int32]
    choice_score: list[MaybeFloat]
    among_siblings: list[bool]
    candidates: list[Int32]
    verified: list[Int32]
    rewards: list[float]
    correct: list[bool]
    answers: tuple[str | None, ...]


NODES = ("parent", "token_ends", "visits", "value", "entropy", "score", "terminal", "stops")
CHOICES = ("order", "choice_score", "among_siblings", "candidates")
ENDS = ("verified", "rewards", "correct", "answers")


def write_trees(path: Path, groups: Sequence[Group]) -> None:
    """Save the trees of a step's groups, atomically; those of groups that have one."""
    write_packed(path, (named(group.tree) for group in groups if group.tree is not None))


def read_trees(path: Path) -> list[TreeRecord]:
    """Load what `write_trees` saved. Raises DamagedFileError."""
    stored = read_packed_rows(path, _StoredTree)
    for line, tree in enumerate(stored, 1):
        if (fault := _fault(tree)) is not None:
            raise damaged(path, fault, line=line)
    return [TreeRecord(**named(tree)) for tree in stored]


def _fault(tree: _StoredTree) -> str | None:
    """What does not fit together in a stored tree."""
    for names in (NODES, CHOICES, ENDS, ("tokens", "logprobs")):
        if len({len(getattr(tree, name)) for name in names}) > 1:
            return f"{', '.join(names)} are not equally many"
    if any(parent >= node or (parent < 0) != (node == 0) for node, parent in enumerate(tree.parent)):
        return "a node's parent is not one before it"
    if tree.token_ends != sorted(tree.token_ends) or tree.token_ends[-1:] != [len(tree.tokens)]:
        return "token_ends do not cut the tokens into nodes"
    if max((*tree.order, *tree.verified), default=0) >= len(tree.parent):
        return "an expansion or an end names a node that is not there"
    return None
