"""The runs that follow from a study: every arm with every seed, before them every setting with every tuning seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsk.compare.runs import TUNING_FOLDER
from dsk.compare.study import BOUNDS, ENDLESS_ROUNDS, Study, slug
from dsk.core.component import did_you_mean
from dsk.core.errors import RunFolderError, SpecError
from dsk.core.input.faults import capped, fault_lines, shortened
from dsk.core.input.moved_fields import moved_answer
from dsk.core.input.reading import read_json
from dsk.core.input.trl_names import trl_answer
from dsk.core.loading import differences, parse_spec, set_path
from dsk.core.spec import RunSpec

SHOWN = 5


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study: its arm, seed, checked spec and folder; a tuning run's `setting`, counted from 1.

    `work` is what it measures at a fixed policy, as JSON data; nothing where it trains, or searches without training.
    """

    arm: str
    seed: int
    spec: RunSpec
    folder: Path
    setting: int | None = None
    work: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def label(self) -> str:
        """What the run is called in messages."""
        setting = "" if self.setting is None else f", setting {self.setting}"
        return f"{self.arm}{setting}, seed {self.seed}"


def plan_runs(study: Study, source: str, runs: Path, seeds: Sequence[int] | None = None) -> list[PlannedRun]:
    """Every arm with every seed. Raises SpecError: an unknown path, a bad value, two arms that are the same."""
    specs = _specs(study, source, study.all_arms())
    if study.tune is None:
        _refuse_equal(specs, source)
    return [
        PlannedRun(arm, seed, _seeded(spec, seed, source), runs / study.name / slug(arm) / f"seed-{seed}")
        for seed in (study.seeds if seeds is None else seeds)
        for arm, spec in specs.items()
    ]


def plan_tuning(study: Study, source: str, runs: Path) -> list[PlannedRun]:
    """Every setting of every arm with every tuning seed, on the tuning problems. Raises SpecError as `plan_runs`."""
    if study.tune is None:
        return []
    tries = study if study.tune.amount is None else _at(study, study.tune.amount)
    return [
        run
        for arm, overrides in study.all_arms().items()
        for run in _plan_settings(tries, arm, overrides, source, runs / study.name / TUNING_FOLDER / slug(arm))
    ]


def _at(study: Study, amount: float) -> Study:
    return study.model_copy(update={"budget": study.budget and study.budget.model_copy(update={"amount": amount})})


def _plan_settings(study: Study, arm: str, overrides: Mapping[str, Any], source: str, folder: Path) -> list[PlannedRun]:
    assert study.tune is not None
    settings = study.tune.settings(arm)
    tried = {f"{arm}, setting {n}": {**overrides, **study.tune.set, **s} for n, s in enumerate(settings, 1)}
    specs = _specs(study, source, tried)
    _refuse_equal(specs, source)
    return [
        PlannedRun(arm, seed, _seeded(spec, seed, source), folder / f"setting-{number}" / f"seed-{seed}", number)
        for seed in study.tune.seeds
        for number, spec in enumerate(specs.values(), 1)
    ]


def _specs(study: Study, source: str, arms: Mapping[str, Mapping[str, Any]]) -> dict[str, RunSpec]:
    """The arms' specs. Raises SpecError listing every arm's faults."""
    specs: dict[str, RunSpec] = {}
    faults: list[str] = []
    for arm, overrides in arms.items():
        try:
            specs[arm] = arm_spec(study, arm, overrides, source)
            rollout = specs[arm].rollout
            if study.mode == "search" and study.exploration is None and rollout.kind != "tree":
                faults.append(
                    f"{source}: arms.{arm}: rollout '{rollout.kind}' grows no tree; a search study needs 'tree', or"
                    " `exploration`"
                )
        except SpecError as error:
            faults += error.problems
    if faults:
        raise SpecError(*capped(list(dict.fromkeys(faults)), source))
    return specs


def check_folders(planned: Sequence[PlannedRun]) -> None:
    """Raises RunFolderError where a folder holds a run of another spec."""
    for run in planned:
        written = run.folder / "spec.json"
        changed = differences(read_json(written), run.spec.dump()) if written.is_file() else []
        if changed:
            raise RunFolderError(
                f"{run.folder}: holds a run of another spec ({'; '.join(changed[:SHOWN])}); delete the folder"
                " to run the arm again, or rename the study"
            )


def arm_spec(study: Study, arm: str, overrides: Mapping[str, Any], source: str) -> RunSpec:
    """The base with an arm's overrides and the study's budget, checked. Raises SpecError naming the arm."""
    where = f"{source}: arms.{shortened(arm)}"
    if not isinstance(study.base, dict):
        raise SpecError(f"{source}: base: a spec is a JSON object, not {type(study.base).__name__}")
    data = json.loads(json.dumps(study.base))
    for path in overrides:
        _check_path(path, where)
    try:
        for path, value in _ordered(overrides).items():
            set_path(data, path, value)
        if study.mode == "train" and study.budget:
            set_path(data, f"rounds.{BOUNDS[study.budget.axis]}", study.budget.amount)
            data["rounds"].setdefault("count", ENDLESS_ROUNDS)
    except SpecError as error:
        raise SpecError(*fault_lines(where, [str(error).removeprefix("--set ")])) from None
    return parse_spec(data | {"name": f"{study.name}.{slug(arm)}"}, where)


def _ordered(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A `kind` before the fields it brings, because setting another kind drops the old one's fields."""
    return dict(sorted(overrides.items(), key=lambda item: not item[0].endswith(".kind")))


def _check_path(path: str, where: str) -> None:
    if path.split(".")[0] in ("seed", "name"):
        raise SpecError(f"{where}: '{path}' is set by the study; use its seeds and name")
    top = path.split(".")[0]
    if top not in RunSpec.model_fields:
        allowed = sorted(RunSpec.model_fields)
        known = moved_answer(top) or trl_answer(top) or f"a spec has: {', '.join(allowed)}{did_you_mean(top, allowed)}"
        raise SpecError(*fault_lines(where, [f"unknown path '{shortened(path)}'; {known}"]))


def _refuse_equal(specs: Mapping[str, RunSpec], source: str) -> None:
    seen: dict[str, str] = {}
    for arm, spec in specs.items():
        key = json.dumps({**spec.dump(), "name": ""}, sort_keys=True)
        if key in seen:
            same = f"arms '{shortened(seen[key])}' and '{shortened(arm)}' resolve to the same spec; change or drop one"
            raise SpecError(*fault_lines(source, [same]))
        seen[key] = arm


def _seeded(spec: RunSpec, seed: int, source: str) -> RunSpec:
    fields = {**spec.dump(), "seed": seed, "name": f"{spec.name}.seed-{seed}"}
    return parse_spec(fields, f"{source}: seeds")
