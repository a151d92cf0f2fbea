"""rounds/N/screen.jsonl: pass rates by policy version and problem, on disk chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dsk.core.run.records import append_jsonl, drop_torn_line, write_jsonl
from dsk.core.run.stored import read_rows
from dsk.core.types import Group


@dataclass(frozen=True)
class Screened:
    """A problem's share of correct samples, the tokens sampled for it, and the policy version it was measured under."""

    id: str
    rate: float
    tokens: int
    version: int


def known_rates(file: Path, version: int) -> dict[str, Screened]:
    """What `file` has of this policy version, by problem id."""
    drop_torn_line(file)
    rows = read_rows(file, Screened) if file.exists() else []
    return {row.id: row for row in rows if row.version == version}


def add_rates(file: Path, groups: Sequence[Group], version: int) -> dict[str, Screened]:
    """Append the groups of direct rollouts of one chunk, in their order."""
    rows = [Screened(g.problem.id, g.stats["solved_share"], int(g.stats["tokens"]), version) for g in groups]
    append_jsonl(file, map(asdict, rows))
    return {row.id: row for row in rows}


def roll_back(folder: Path, version: int) -> None:
    """Forget the pass rates under policies after `version`.

    A rate under the very policy that a run goes on from stays valid, so nothing is screened twice.
    """
    for file in folder.glob("rounds/*/screen.jsonl"):
        write_jsonl(file, [asdict(row) for row in read_rows(file, Screened) if row.version <= version])
