"""rounds/N/screen.jsonl: pass rates by policy version and problem, on disk chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsk.core.records import append_jsonl, drop_torn_line, read_jsonl, write_jsonl
from dsk.core.types import Group


@dataclass(frozen=True)
class Screened:
    """A problem's share of correct samples and the tokens sampled for it."""

    rate: float
    tokens: int


def known_rates(file: Path, version: int) -> dict[str, Screened]:
    """What `file` has of this policy version, by problem id."""
    drop_torn_line(file)
    rows = (row for row in read_jsonl(file) if row["version"] == version)
    return {row["id"]: Screened(row["rate"], row["tokens"]) for row in rows}


def add_rates(file: Path, groups: Sequence[Group], version: int) -> dict[str, Screened]:
    """Append the groups of direct rollouts of one chunk, in their order."""
    found = {g.problem.id: Screened(g.stats["solved_share"], int(g.stats["tokens"])) for g in groups}
    rows = [{"id": n, "rate": s.rate, "tokens": s.tokens, "version": version} for n, s in found.items()]
    append_jsonl(file, rows)
    return found


def roll_back(folder: Path, version: int) -> None:
    """Forget the pass rates under policies after `version`.

    A rate under the very policy that a run goes on from stays valid, so nothing is screened twice.
    """
    for file in folder.glob("rounds/*/screen.jsonl"):
        write_jsonl(file, [row for row in read_jsonl(file) if row["version"] <= version])
