"""Run folders as `dsk run` leaves them, with curves that a test decides."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

SPEC: dict[str, Any] = {
    "name": "base",
    "model": {"path": "bundled:tiny-reasoner"},
    "task": {"kind": "arithmetic", "test_problems": 16},
    "evaluate": {"hard_only": False},
}
Rate = Callable[[str, float], float]
"""Problem and model tokens to pass rate."""


def resolved(overrides: Sequence[str] = (), **top: Any) -> dict[str, Any]:
    """The spec that a run's folder would hold."""
    from dsk.core.loading import override, parse_spec

    return parse_spec(override(SPEC | top, overrides)).dump()


def steady(slope: float, seed: int, noise: float = 0.03) -> Rate:
    """A pass rate that rises by `slope` per 1000 model tokens; problems and seeds differ by fixed amounts."""

    def rate(problem: str, tokens: float) -> float:
        own = random.Random(problem).uniform(0.0, 0.3)
        drawn = random.Random(f"{problem}/{seed}/{tokens}/{slope}").gauss(0.0, noise)
        return min(max(own + slope * tokens / 1000 + drawn, 0.0), 1.0)

    return rate


def write_run(
    folder: Path,
    rate: Rate,
    *,
    overrides: Sequence[str] = (),
    seed: int = 0,
    points: Sequence[float] = (0, 500, 1000),
    problems: int = 16,
    status: Mapping[str, Any] = {"status": "finished"},
    versions: Mapping[str, str] = {"torch": "2.13.0"},
    tokens_per_second: float = 100.0,
    screening: float | None = None,
) -> Path:
    """A training run evaluated at `points` (model tokens); half of them are generated tokens, 100 an update.

    `screening` is the share of the tokens that its records count as screening; None is a run that did not count it.
    """
    (folder / "rounds").mkdir(parents=True)
    _write(folder / "spec.json", resolved(overrides, name=folder.name, seed=seed))
    _write(folder / "status.json", status)
    _write(folder / "versions.json", versions)
    events = [
        _evaluation(folder, i, point, rate, problems, tokens_per_second, last=i == len(points) - 1)
        for i, point in enumerate(points)
    ]
    if screening is not None:
        events = [{**event, "screening_tokens": screening * event["model_tokens"]} for event in events]
    (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    return folder


def _evaluation(
    folder: Path, index: int, point: float, rate: Rate, problems: int, speed: float, last: bool
) -> dict[str, Any]:
    when = "before" if index == 0 else "after" if last else f"step_{index}"
    rows = [{"id": f"test-{n}", "rate": rate(f"test-{n}", point)} for n in range(problems)]
    (folder / "rounds" / f"evaluation_{when}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    mean = sum(r["rate"] for r in rows) / problems
    spent = {"sampled_tokens": point / 2, "model_tokens": point, "seconds": point / speed, "updates": point // 100}
    share = {"pass_at_1": mean, "low": mean, "high": mean, "problems": problems, "samples": 4, "truncated": 0.0}
    return {"event": "evaluation", "seq": index, "time": 0.0, "when": when, "device": "cpu", **spent, **share}


def write_search_run(folder: Path, depth: float, *, seed: int = 0, overrides: Sequence[str] = ()) -> Path:
    """A search-only run: every second tree is solved."""
    folder.mkdir(parents=True)
    _write(folder / "spec.json", resolved(overrides, name=folder.name, seed=seed))
    _write(folder / "status.json", {"status": "finished"})
    rows = [
        {
            "id": f"train-{n}", "solved": float(n % 2), "seconds": 0.5, "expansions": 10 + n, "tokens": 300,
            "depth": depth + random.Random(n + seed).random(), "entropy": 1.2, "reward": -0.5, "dropped_samples": 0,
            **({"tokens_to_first_solution": 100} if n % 2 else {}),
        }
        for n in range(8)
    ]  # fmt: skip
    (folder / "search.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data))


def keep_groups(folder: Path, prompts: Mapping[str, str]) -> Path:
    """Adds a step that trained on these problems: one right and one wrong answer each, and that they were solved."""
    from dataclasses import replace

    from tree_rows import trajectory

    from dsk.core.run.stored_groups import step_file, write_groups
    from dsk.core.types import Group, Problem

    right = replace(trajectory([5, 6, 7], 1.0, [0.5, 1.0]), answer="7")
    wrong = replace(trajectory([5, 6, 8], -1.0, [0.5, -1.0]), answer="8")
    groups = [Group(Problem(name, prompt, "7"), (1,), (right, wrong), "search") for name, prompt in prompts.items()]
    place = step_file(folder, 0)
    place.parent.mkdir()
    write_groups(place, groups)
    count = len(groups)
    seq = len((folder / "events.jsonl").read_text().splitlines())
    record = {"event": "groups", "seq": seq, "time": 0.0, "step": 1, "round": 0, "problems": list(prompts),
              "origins": ["search"] * count, "correct": [1] * count, "responses": [2] * count}  # fmt: skip
    with (folder / "events.jsonl").open("a") as events:
        events.write(json.dumps(record) + "\n")
    return folder
