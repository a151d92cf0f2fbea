"""The page itself: a comparison and the runs it is of to one file that asks for nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dsk.compare.answer import answer
from dsk.compare.arms import Arm
from dsk.compare.comparison import Comparison
from dsk.compare.notes import crossed, is_judged, looked, reading
from dsk.compare.page.arms import arms_data, metrics_data
from dsk.compare.page.curves import curves_data
from dsk.compare.page.problems import problems_data
from dsk.compare.page.table import table_data
from dsk.compare.page.tuning import tuning_data
from dsk.compare.runs import BUDGETS
from dsk.core.errors import DataError
from dsk.core.run.files import write_atomically
from dsk.web.page import page_html

KIND = ".html"


@dataclass(frozen=True)
class Again:
    """How the comparison is made again: the command, and the study where one was run."""

    command: str
    study: Mapping[str, Any] | None = None


def check_page(file: Path) -> None:
    """Raises DataError for a page that cannot be written there, before anything runs."""
    if file.suffix != KIND:
        raise DataError(f"--html {file}: a page ends in {KIND}, not in '{file.suffix}'; pictures are drawn by --plot")
    if not file.parent.is_dir():
        raise DataError(f"--html {file}: no folder {file.parent}; make it first")


def write_page(comparison: Comparison, arms: Sequence[Arm], file: Path, again: Again) -> None:
    """Write the page. Raises DamagedFileError where a run's file is not as it was written, CheckpointError: no room."""
    page = page_html(comparison.title or "Comparison", page_data(comparison, arms, again))
    write_atomically(file, page.encode("utf-8", "replace"))


def page_data(comparison: Comparison, arms: Sequence[Arm], again: Again) -> dict[str, Any]:
    """Everything that the page shows (`web/src/compare/data.ts` says how it is read)."""
    return {
        "page": "compare",
        "title": comparison.title,
        "mode": comparison.mode,
        "tuned": comparison.tuned,
        "judged": is_judged(comparison),
        "baseline": comparison.baseline,
        "axis": comparison.axis,
        "amount": comparison.amount,
        "budgets": BUDGETS,
        "level": comparison.tokens_to,
        "answer": answer(comparison),
        "reading": [reading(comparison), *looked(comparison), *crossed(comparison)],
        "warnings": list(comparison.warnings),
        "metrics": metrics_data(comparison),
        "arms": arms_data(comparison, arms),
        "curves": curves_data(comparison, arms),
        "table": table_data(comparison),
        "tuning": tuning_data(comparison),
        "problems": problems_data(comparison, arms),
        "again": asdict(again),
        "versions": _versions(arms),
    }


def _versions(arms: Sequence[Arm]) -> dict[str, str]:
    """What the runs were made with, as far as they agree; where they do not there is a warning."""
    found = [set(run.surroundings.items()) for arm in arms for run in arm.runs if run.surroundings]
    return dict(sorted(set.intersection(*found))) if found else {}
