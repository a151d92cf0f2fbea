"""The wrong responses of a problem's last group, read back from the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

from dsk.core.roles import Failure
from dsk.core.run.stored_groups import read_groups, step_file
from dsk.core.types import Group, Trajectory

KEPT_STEP = "kept_step"
"""What is remembered of a problem: the last step whose file has a group of it."""


class Failures:
    """Of the steps of one run. A step's file is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._steps: dict[int, dict[str, tuple[Failure, ...]]] = {}

    def of(self, problem: str, history: Mapping[str, float]) -> tuple[Failure, ...]:
        """In the order of the group; none before a problem's first group. Raises DamagedFileError."""
        if KEPT_STEP not in history:
            return ()
        step = int(history[KEPT_STEP])
        if step not in self._steps:
            groups = read_groups(step_file(self.folder, step))
            self._steps[step] = {group.problem.id: failures_of(group) for group in groups}
        return self._steps[step][problem]


def failures_of(group: Group) -> tuple[Failure, ...]:
    """The group's wrong responses."""
    return tuple(Failure(tuple(t.tokens.tolist()), _recoverable(group, t)) for t in group.trajectories if not t.correct)


def _recoverable(group: Group, t: Trajectory) -> int:
    """Tokens up to the last node of the response that a right end, a probe's included, lies below."""
    right = {node for end in group.verified if end.correct for node in (0, *end.path)}
    lengths = zip((0, *t.node_ids), (t.given, *t.node_lengths.tolist()), strict=True)
    return sum(length for _, length in takewhile(lambda pair: pair[0] in right, lengths))
