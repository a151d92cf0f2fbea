"""rounds/N/screen.jsonl: pass rates by policy version and problem, on disk chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsk.core.run.records import append_jsonl, drop_torn_line, present, write_jsonl
from dsk.core.run.stored import read_rows
from dsk.core.spec import RewardSpec
from dsk.core.types import Group


@dataclass(frozen=True)
class Screened:
    """A problem's share of correct samples, the tokens sampled for it, and the policy version it was measured under.

    `score` is the mean of its samples' scores, where rewards are graded.
    """

    id: str
    rate: float
    tokens: int
    version: int
    score: float | None = None


def known_rates(file: Path, version: int) -> dict[str, Screened]:
    """What `file` has of this policy version, by problem id."""
    drop_torn_line(file)
    rows = read_rows(file, Screened) if file.exists() else []
    return {row.id: row for row in rows if row.version == version}


def add_rates(file: Path, groups: Sequence[Group], version: int, rewards: RewardSpec) -> dict[str, Screened]:
    """Append the groups of direct rollouts of one chunk, in their order."""
    scores = [rewards.mean_score([t.reward for t in g.trajectories]) for g in groups]
    rows = [
        Screened(g.problem.id, g.stats["solved_share"], int(g.stats["tokens"]), version, score)
        for g, score in zip(groups, scores, strict=True)
    ]
    append_jsonl(file, map(present, rows))
    return {row.id: row for row in rows}


def roll_back(folder: Path, version: int) -> None:
    """Forget the pass rates under policies after `version`.

    A rate under the very policy that a run goes on from stays valid, so nothing is screened twice.
    """
    for file in folder.glob("rounds/*/screen.jsonl"):
        write_jsonl(file, [present(row) for row in read_rows(file, Screened) if row.version <= version])
