"""rounds/N/screen.jsonl: pass rates by policy version and problem, each on disk as soon as it is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from dsk.core.records import append_jsonl, drop_torn_line, write_jsonl
from dsk.core.stored import read_rows
from dsk.core.types import Group


@dataclass(frozen=True)
class ScreenRow:
    """A problem's share of correct samples, the tokens sampled for it, and the policy version it was measured under."""

    id: str
    rate: float
    tokens: int
    version: int


def known_rates(file: Path, version: int) -> dict[str, float]:
    """The pass rates of `file` that were measured under this policy version, by problem id."""
    drop_torn_line(file)
    rows = read_rows(file, ScreenRow) if file.exists() else []
    return {row.id: row.rate for row in rows if row.version == version}


def add_rate(file: Path, group: Group, version: int) -> tuple[float, int]:
    """Append the share of correct samples of a group of direct rollouts; (share, tokens sampled for it)."""
    rate, tokens = group.stats["solved_share"], int(group.stats["tokens"])
    append_jsonl(file, [asdict(ScreenRow(group.problem.id, rate, tokens, version))])
    return rate, tokens


def roll_back(folder: Path, version: int) -> None:
    """Forget the pass rates under policies after `version`.

    A rate under the very policy that a run goes on from stays valid, so nothing is screened twice.
    """
    for file in _files(folder):
        write_jsonl(file, [asdict(row) for row in read_rows(file, ScreenRow) if row.version <= version])


def screened_tokens(folder: Path) -> list[int]:
    """Tokens sampled for each pass rate of a run, in the order in which they were found."""
    return [row.tokens for file in _files(folder) for row in read_rows(file, ScreenRow)]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("rounds/*/screen.jsonl"), key=lambda file: int(file.parent.name))
