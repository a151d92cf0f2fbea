"""What became of every problem: its pass rate at each measurement, how it was solved, and which ones stand out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from dsk.core.run.records import read_rates
from dsk.core.run.screening import Screened
from dsk.core.run.stored import read_rows
from dsk.report.remembered import remembered

SHOWN = 500
"""Most problems that a page lists of one split."""


@dataclass
class ProblemHistory:
    """One problem: its pass rates in the order of `Histories.when` (None: not measured then), and its training.

    `solved_by` counts the steps whose responses had a correct one, by where they came from (`search`, `direct`,
    `cached`); `trained` counts all its steps; `first_solved` is the step of the first correct one.
    """

    id: str
    rates: list[float | None]
    solved_by: dict[str, int] = field(default_factory=dict[str, int])
    trained: int = 0
    first_solved: int | None = None
    prompt: str = ""

    @property
    def measured(self) -> list[float]:
        """Its pass rates."""
        return [rate for rate in self.rates if rate is not None]

    @property
    def standing(self) -> str:
        """`new`: unsolved at first, solved at last or in training; `forgotten`: the reverse; `never`; `known`."""
        rates = self.measured
        if not any(rates) and not self.solved_by:
            return "never"
        if len(rates) > 1 and bool(rates[0]) != bool(rates[-1]):
            return "new" if rates[-1] else "forgotten"
        return "new" if not any(rates) else "known"


@dataclass(frozen=True)
class Histories:
    """The problems of one split, the hardest first, at most `SHOWN`; `of` counts all, `counts` by standing."""

    when: list[str]
    problems: list[ProblemHistory]
    of: int
    counts: dict[str, int]


def training_histories(folder: Path, records: Sequence[Mapping[str, Any]], prompts: Mapping[str, str]) -> Histories:
    """Training problems: the screening of every round, and the groups of every step."""
    files = sorted(folder.glob("rounds/[0-9]*/screen.jsonl"), key=lambda file: int(file.parent.name))
    measured = {f"round {file.parent.name}": _screened_rates(file) for file in files}
    found = _histories(measured)
    for record in records:
        if record["event"] == "groups":
            _add_step(found, record, len(measured))
    for problem in found.values():
        problem.prompt = prompts.get(problem.id, "")
    return _ranked(list(measured), found)


def held_out_histories(folder: Path, records: Sequence[Mapping[str, Any]]) -> Histories:
    """Held-out problems: every evaluation."""
    when = [record["when"] for record in records if record["event"] == "evaluation"]
    files = {name: folder / "rounds" / f"evaluation_{name}.jsonl" for name in when}
    found = {name: file for name, file in files.items() if file.exists()}
    measured = {_words(name): _evaluated_rates(file) for name, file in found.items()}
    return _ranked(list(measured), _histories(measured))


@remembered
def _screened_rates(file: Path) -> dict[str, float]:
    return {row.id: row.rate for row in read_rows(file, Screened)}


@remembered
def _evaluated_rates(file: Path) -> dict[str, float]:
    return {row.id: row.rate for row in read_rates(file)}


def _words(when: str) -> str:
    return re.sub("^step_", "step ", when)


def _histories(measured: Mapping[str, Mapping[str, float]]) -> dict[str, ProblemHistory]:
    names = dict.fromkeys(name for rates in measured.values() for name in rates)
    return {name: ProblemHistory(name, [rates.get(name) for rates in measured.values()]) for name in names}


def _add_step(found: dict[str, ProblemHistory], record: Mapping[str, Any], measurements: int) -> None:
    rows = zip(record["problems"], record["origins"], record["correct"], strict=True)
    for name, origin, correct in rows:
        problem = found.setdefault(name, ProblemHistory(name, [None] * measurements))
        problem.trained += 1
        if correct:
            problem.solved_by[origin] = problem.solved_by.get(origin, 0) + 1
            problem.first_solved = problem.first_solved or record["step"]


ORDER = ("forgotten", "never", "new", "known")


def _ranked(when: list[str], found: Mapping[str, ProblemHistory]) -> Histories:
    """The hardest first; where there are too many, some of each standing, and of those that stand out all that fit."""
    by_standing: dict[str, list[ProblemHistory]] = {standing: [] for standing in ORDER}
    for problem in sorted(found.values(), key=_hardness):
        by_standing[problem.standing].append(problem)
    share = SHOWN // len(ORDER)
    kept = [problem for problems in by_standing.values() for problem in problems[:share]]
    further = (problem for problems in by_standing.values() for problem in problems[share:])
    kept += islice(further, SHOWN - len(kept))
    counts = {standing: len(problems) for standing, problems in by_standing.items()}
    return Histories(when, sorted(kept, key=_hardness), len(found), counts)


def _hardness(problem: ProblemHistory) -> tuple[float, int]:
    """Lower is harder."""
    rates = problem.measured
    return (sum(rates) / len(rates) if rates else 0.0, -problem.trained)
