"""rounds/N/screen.jsonl: pass rates by policy version and problem, each on disk as soon as it is known."""

from __future__ import annotations

import json
from pathlib import Path

from dsk.core.records import drop_torn_line, read_jsonl, write_jsonl
from dsk.core.types import Group


def known_rates(file: Path, version: int) -> dict[str, float]:
    """The pass rates of `file` that were measured under this policy version, by problem id."""
    drop_torn_line(file)
    return {row["id"]: row["rate"] for row in read_jsonl(file) if row["version"] == version}


def add_rate(file: Path, group: Group, version: int) -> tuple[float, int]:
    """Append the share of correct samples of a group of direct rollouts; (share, tokens sampled for it)."""
    rate, tokens = group.stats["solved_share"], int(group.stats["tokens"])
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"id": group.problem.id, "rate": rate, "tokens": tokens, "version": version}) + "\n")
    return rate, tokens


def roll_back(folder: Path, round_: int, version: int) -> list[int]:
    """Forget hard sets of rounds after `round_` and rates under policies after `version`; the tokens of each one left.

    A rate under the very policy that a run goes on from stays valid, so nothing is screened twice.
    """
    tokens: list[int] = []
    for place in sorted((path for path in folder.glob("rounds/*/")), key=lambda path: int(path.name)):
        if int(place.name) > round_:
            (place / "hard_set.jsonl").unlink(missing_ok=True)
        rows = [row for row in read_jsonl(place / "screen.jsonl") if row["version"] <= version]
        write_jsonl(place / "screen.jsonl", rows)
        tokens += [row["tokens"] for row in rows]
    return tokens
