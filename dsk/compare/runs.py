"""What a run left in its folder, finished or not, as far as comparisons need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from dsk.core.errors import DataError
from dsk.core.run.folder import check_whole, read_spec, read_status, read_versions
from dsk.core.run.records import read_rates, read_records
from dsk.core.run.stored import read_rows

AXES = {
    "sampled_tokens": "generated tokens",
    "model_tokens": "model tokens",
    "seconds": "seconds",
    "updates": "updates",
}
UNSCREENED = "unscreened_tokens"
BUDGETS = {**AXES, UNSCREENED: "model tokens without screening"}
"""The axes that every record has, and those that runs can be compared on."""
FIGURES = ("truncated", "pass_at_1", "mean_score")
"""What is compared of an evaluation; the last is only there where rewards are graded."""
SEARCH_FILE = "search.jsonl"
TUNING_FOLDER = "tuning"
"""Inside a study's folder, beside its arms."""


@dataclass(frozen=True)
class Evaluation:
    """One held-out evaluation: what the run had spent on every axis, the pass rate of each problem, other figures.

    `scores` are the problems' mean scores, where the run's rewards are graded. `spent` has `screening_tokens` and
    `unscreened_tokens` too where the run counted them.
    """

    spent: Mapping[str, float]
    rates: Mapping[str, float]
    figures: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class FinishedTree:
    """One row of a search-only run: the problem and the tree's figures."""

    problem: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class RunRecord:
    """A run as read. `status` is finished, running, interrupted, failed or missing; `reason` says why it failed."""

    folder: Path
    name: str
    seed: int
    spec: Mapping[str, Any]
    status: str
    reason: str
    surroundings: Mapping[str, str]
    evaluations: tuple[Evaluation, ...]
    steps: tuple[Mapping[str, Any], ...]
    trees: tuple[FinishedTree, ...]

    @property
    def is_search(self) -> bool:
        """Whether the run searched without training."""
        return bool(self.trees)

    def reached(self, axis: str) -> float:
        """How far the run's evaluations go on a budget axis."""
        return max((e.spent.get(axis, 0.0) for e in self.evaluations), default=0.0)


def find_runs(places: Iterable[Path]) -> list[Path]:
    """The run folders named, or inside the folders named, without a study's tuning. Raises DataError for none."""
    found: list[Path] = []
    for place in places:
        if not place.is_dir():
            raise DataError(f"{place}: no such folder; name run folders (runs/NAME), or a study file")
        inside = [place] if (place / "spec.json").is_file() else _inside(place)
        if not inside:
            raise DataError(f"{place}: no run in this folder (no spec.json); name a folder that `dsk run` wrote")
        found += inside
    return list(dict.fromkeys(found))


def _inside(place: Path) -> list[Path]:
    found = sorted(path.parent for path in place.rglob("spec.json"))
    return [folder for folder in found if TUNING_FOLDER not in folder.relative_to(place).parts]


def read_run(folder: Path) -> RunRecord:
    """Read one run. Raises DamagedFileError."""
    spec = read_spec(folder)
    status, reason = read_status(folder)
    records = read_records(folder)
    check_whole(folder, status, records)
    evaluations = [r for r in records if r["event"] == "evaluation" and "model_tokens" in r]
    device = {"device": evaluations[-1]["device"]} if evaluations else {}
    return RunRecord(
        folder=folder,
        name=spec["name"],
        seed=spec.get("seed", 0),
        spec=spec,
        status=status,
        reason=reason,
        surroundings=read_versions(folder) | device,
        evaluations=tuple(_evaluation(folder, record) for record in evaluations),
        steps=tuple({**r, **without_screening(r)} for r in records if r["event"] == "step" and "model_tokens" in r),
        trees=tuple(FinishedTree(row.id, row.figures) for row in read_trees(folder)),
    )


class TreeRow(BaseModel):
    """A row of search.jsonl; what else there is are figures too."""

    model_config = ConfigDict(strict=True, extra="allow")
    id: str
    solved: float
    seconds: float
    expansions: float
    depth: float
    entropy: float
    reward: float
    tokens: float
    tokens_to_first_solution: float | None = None
    __pydantic_extra__: dict[str, float]  # pyright: ignore[reportIncompatibleVariableOverride]

    @property
    def figures(self) -> dict[str, float]:
        """Everything but the problem; what a tree does not have is left out."""
        return self.model_dump(exclude={"id"}, exclude_none=True)


def read_trees(folder: Path) -> list[TreeRow]:
    """What a search-only run has finished. Raises DamagedFileError."""
    path = folder / SEARCH_FILE
    return read_rows(path, TreeRow, "delete it: a resume searches again") if path.exists() else []


def _evaluation(folder: Path, record: Mapping[str, Any]) -> Evaluation:
    rows = read_rates(folder / "rounds" / f"evaluation_{record['when']}.jsonl")
    return Evaluation(
        spent={axis: float(record[axis]) for axis in AXES} | without_screening(record),
        rates={row.id: row.rate for row in rows},
        figures={name: float(record[name]) for name in FIGURES if record.get(name) is not None},
        scores={row.id: row.score for row in rows if row.score is not None},
    )


def without_screening(record: Mapping[str, Any]) -> dict[str, float]:
    """Charged tokens spent on screening so far, and on the rest; neither where the record does not say."""
    if "screening_tokens" not in record:
        return {}
    screening = float(record["screening_tokens"])
    return {"screening_tokens": screening, UNSCREENED: float(record["model_tokens"]) - screening}
