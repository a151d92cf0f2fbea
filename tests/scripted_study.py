"""Studies whose runs a test writes instead of training them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from run_folders import Rate, write_run

from dsk.compare.conduct import Conducted, Conductor
from dsk.compare.planning import PlannedRun
from dsk.compare.runner import Outcome
from dsk.compare.study import Study, parse_study
from dsk.core.errors import InterruptedRun

BASE = {
    "name": "base",
    "model": {"path": "bundled:tiny-reasoner"},
    "task": {"kind": "arithmetic", "test_problems": 16, "train_problems": 16},
    "evaluate": {"hard_only": False},
}
BUDGET = {"axis": "model_tokens", "amount": 1000}
Curve = Callable[[PlannedRun], Rate]
"""A run to the pass rate of its problems as it goes on."""


def study_of(**fields: Any) -> Study:
    return parse_study({"name": "s", "base": BASE, "seeds": [0, 1, 2], "budget": BUDGET} | fields, "study.json")


class Scripted:
    """Writes what is missing, remembers it in `ran`; runs in `fail` are left as failed, and it stops after so many."""

    def __init__(
        self,
        curve: Curve,
        points: Sequence[float] = (0, 500, 1000),
        fail: Sequence[str] = (),
        stop_after: int | None = None,
    ) -> None:
        self.curve, self.points, self.fail, self.stop_after = curve, points, fail, stop_after
        self.ran: list[PlannedRun] = []

    def run(self, planned: Sequence[PlannedRun]) -> Sequence[Outcome]:
        for run in planned:
            if (run.folder / "spec.json").is_file():
                continue
            if len(self.ran) == self.stop_after:
                raise InterruptedRun("interrupted")
            status = {"status": "failed", "reason": "boom"} if run.label in self.fail else {"status": "finished"}
            write_run(run.folder, self.curve(run), seed=run.seed, points=self.points, status=status)
            (run.folder / "spec.json").write_text(json.dumps(run.spec.dump()))
            self.ran.append(run)
        return []


def conducted(study: Study, runs: Path, scripted: Scripted, said: list[str] | None = None, **options: Any) -> Conducted:
    said = [] if said is None else said
    return Conductor(study, "study.json", runs, said.append, options).conduct(scripted.run)
