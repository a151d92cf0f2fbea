"""Arms by problems: every problem's rate at the budget, what it asks, and what runs kept of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np

from dsk.compare.arms import Arm
from dsk.compare.comparison import Comparison
from dsk.compare.page.arms import cells_of
from dsk.compare.page.kept import Kept, read_kept
from dsk.compare.rows import Cells
from dsk.compare.runs import RunRecord
from dsk.core.errors import DskError
from dsk.core.loading import parse_spec
from dsk.core.run.records import read_records
from dsk.report.examples import prompt_text, shortened

SHOWN = 500
"""Most problems of one split that a page holds: those that tell the arms apart best."""
TEXT = 1500
READ = 100_000
"""Problems of a task that are looked through for their texts."""


@dataclass(frozen=True)
class Asked:
    """What a problem asks, and its reference answer."""

    prompt: str
    answer: str


def problems_data(comparison: Comparison, arms: Sequence[Arm]) -> dict[str, Any]:
    """The splits that there are: those that the table is of first."""
    kept = read_kept(arms)
    searched = comparison.axis is None
    metric = "solved" if searched else "mean_score" if comparison.metrics[0] == "mean_score" else "pass_at_1"
    judged = {name: cells[metric] for name, cells in cells_of(comparison, arms, (metric,)).items()}
    run = next(run for arm in arms for run in arm.runs if run.evaluations or run.trees)
    splits = [_split("searched" if searched else "held out", judged, _texts(run, "train" if searched else "test"))]
    if not searched:
        asked = {name: Asked(prompt, answer) for name, (prompt, answer) in kept.asked.items()}
        splits.append(_split("trained on", _trained(arms), asked))
    return {
        "splits": [split for split in splits if split["problems"]],
        "kept": _opened(kept),
        "kept_split": "searched" if searched else "trained on",
    }


def _opened(kept: Kept) -> dict[str, Any]:
    return {"examples": kept.examples, "trees": kept.trees, "seeds": kept.seeds, "untold": kept.untold}


def _split(name: str, cells: Mapping[str, Cells], asked: Mapping[str, Asked] | str) -> dict[str, Any]:
    """`values` are by arm, then by seed; None where a seed has none. Hardest first."""
    names = list(dict.fromkeys(p for of_arm in cells.values() for values in of_arm.values() for p in values))
    rates = {problem: _rates(cells.values(), problem) for problem in names}
    chosen = sorted(sorted(names, key=lambda p: -_spread(rates[p]))[:SHOWN], key=lambda p: _mean(rates[p]))
    texts = {} if isinstance(asked, str) else asked
    return {
        "name": name,
        "of": len(names),
        "seeds": [list(of_arm) for of_arm in cells.values()],
        "problems": [_problem(p, rates[p], cells.values(), texts.get(p)) for p in chosen],
        "untold": asked if isinstance(asked, str) else "",
    }


def _problem(name: str, rates: Sequence[float | None], cells: Iterable[Cells], asked: Asked | None) -> dict[str, Any]:
    return {
        "id": name,
        "rates": rates,
        "values": [[values.get(name) for values in of_arm.values()] for of_arm in cells],
        "prompt": shortened(asked.prompt, TEXT) if asked else "",
        "answer": shortened(asked.answer, TEXT) if asked else "",
    }


def _rates(cells: Iterable[Cells], problem: str) -> list[float | None]:
    """Each arm's mean over the seeds that have the problem."""
    found = ([values[problem] for values in of_arm.values() if problem in values] for of_arm in cells)
    return [float(np.mean(values)) if values else None for values in found]


def _spread(rates: Sequence[float | None]) -> float:
    known = [rate for rate in rates if rate is not None]
    return max(known) - min(known)


def _mean(rates: Sequence[float | None]) -> float:
    return float(np.mean([rate for rate in rates if rate is not None]))


def _texts(run: RunRecord, split: Literal["train", "test"]) -> dict[str, Asked] | str:
    """What the task asks, from the task itself; why not, where it cannot be read here."""
    try:
        task = parse_spec(dict(run.spec), str(run.folder)).task
        return {p.id: Asked(prompt_text(p), p.answer) for p in islice(task.problems(split), READ)}
    except DskError as error:
        return str(error).splitlines()[0]


def _trained(arms: Sequence[Arm]) -> dict[str, Cells]:
    """Of each problem's groups the share that had a correct response, by seed."""
    return {arm.name: {run.seed: _solved(run) for run in arm.runs} for arm in arms}


def _solved(run: RunRecord) -> dict[str, float]:
    found: dict[str, list[bool]] = defaultdict(list)
    records = read_records(run.folder) if run.evaluations else []
    for record in records:
        if record["event"] == "groups":
            for name, correct in zip(record["problems"], record["correct"], strict=True):
                found[name].append(bool(correct))
    return {name: sum(groups) / len(groups) for name, groups in found.items()}
