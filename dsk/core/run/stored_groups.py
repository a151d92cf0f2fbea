"""trees/STEP.jsonl.zst: the groups of a step, a JSON line each, compressed. Whole trees are beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import ConfigDict, Field

from dsk.core.run.records import write_packed
from dsk.core.run.stored import damaged, read_packed_rows
from dsk.core.types import Group, Origin, Problem, StopReason, Terminal, Trajectory, named

Int32 = Annotated[int, Field(ge=0, lt=1 << 31)]
FINITE = ConfigDict(allow_inf_nan=False)


@dataclass(frozen=True)
class _StoredTrajectory:
    """A `Trajectory` as JSON has it; `trained` is null where all that was sampled is."""

    __pydantic_config__: ClassVar[ConfigDict] = FINITE

    tokens: list[Int32]
    logprobs: list[float]
    node_lengths: list[Int32]
    node_ids: tuple[int, ...]
    values: tuple[float, ...]
    mean_rewards: tuple[float, ...]
    reward: float
    entropy: float
    stop: StopReason
    version: int
    origin: Origin
    answer: str | None
    path: tuple[int, ...]
    trained: list[bool] | None
    tree: int
    correct: bool


@dataclass(frozen=True)
class _StoredGroup:
    __pydantic_config__: ClassVar[ConfigDict] = FINITE

    problem: Problem
    prompt_tokens: tuple[int, ...]
    trajectories: tuple[_StoredTrajectory, ...]
    origin: Origin
    stats: Mapping[str, float]
    terminals: tuple[Terminal, ...]
    history: Mapping[str, float]


def step_file(folder: Path, step: int, part: str = "") -> Path:
    """Where a run's folder has the groups of a step, or another `part` of what was sampled for it (`.trees`)."""
    return folder / "trees" / f"{step:06d}{part}.jsonl.zst"


def group_files(folder: Path) -> list[Path]:
    """The files with a run's groups, in the order of steps."""
    return sorted(path for path in folder.glob("trees/*.jsonl.zst") if path.name.count(".") == 2)


def write_groups(path: Path, groups: Sequence[Group]) -> None:
    """Save a step's groups, atomically."""
    write_packed(path, map(_group_row, groups))


def _group_row(group: Group) -> dict[str, Any]:
    row = named(group) | {"trajectories": [trajectory_row(t) for t in group.trajectories]}
    del row["tree"]
    return row


def trajectory_row(t: Trajectory) -> dict[str, Any]:
    """A trajectory as it is written."""
    plain = np.array_equal(t.trained, np.arange(len(t.tokens)) >= t.given)
    return named(t) | {"trained": None if plain else t.trained}


def read_groups(path: Path) -> list[Group]:
    """Load what `write_groups` saved. Raises DamagedFileError."""
    stored = read_packed_rows(path, _StoredGroup)
    for line, group in enumerate(stored, 1):
        if not all(map(_fits_together, group.trajectories)):
            raise damaged(path, "a trajectory's figures are not as many as its tokens or steps", line=line)
    return [_group(group) for group in stored]


def _group(stored: _StoredGroup) -> Group:
    trajectories = tuple(Trajectory(**named(t)) for t in stored.trajectories)
    return Group(**{**named(stored), "trajectories": trajectories})


def _fits_together(t: _StoredTrajectory) -> bool:
    tokens, steps = len(t.tokens), len(t.node_lengths)
    counts = (len(t.logprobs), tokens if t.trained is None else len(t.trained), len(t.values), len(t.mean_rewards))
    return sum(t.node_lengths) <= tokens and counts == (tokens, tokens, steps, steps + 1)
