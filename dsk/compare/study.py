"""A study file: one base spec, arms or a grid that override it, seeds, a budget; and the runs that follow from it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from dsk.compare.fixed.settings import ExplorationSettings, GradientSettings, misplaced
from dsk.core.component import StrictModel, did_you_mean
from dsk.core.errors import RunFolderError, SpecError
from dsk.core.input.faults import capped, fault_lines, shortened
from dsk.core.input.moved_fields import moved_answer
from dsk.core.input.reading import read_json
from dsk.core.input.trl_names import trl_answer
from dsk.core.loading import differences, parse_spec, read_fields, set_path, validation_lines
from dsk.core.spec import RunSpec

Axis = Literal["sampled_tokens", "model_tokens", "unscreened_tokens", "seconds", "updates"]
BOUNDS = {
    "sampled_tokens": "max_tokens",
    "model_tokens": "max_model_tokens",
    "unscreened_tokens": "max_unscreened_tokens",
    "seconds": "max_train_seconds",
    "updates": "max_updates",
}
ENDLESS_ROUNDS = 1000
SHOWN = 5
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Budget(StrictModel):
    """What is equal between arms."""

    axis: Axis = Field(
        default="model_tokens",
        description="`model_tokens`: charged, generated + given + scored + 3 x trained; `unscreened_tokens`: the same"
        " without screening, so that arms that screen more often are not charged for it; `sampled_tokens`: generated;"
        " `seconds`: wall-clock without evaluation; `updates` of the policy.",
    )
    amount: float = Field(gt=0, description="How much every run may spend; it stops after the step that reaches it.")


class Study(StrictModel):
    """Many runs that answer one question."""

    name: str = Field(pattern=NAME, description="Runs are kept in `runs/NAME/ARM/seed-N`.")
    question: str = Field(default="", description="What the study asks; printed above the table.")
    mode: Literal["train", "search", "gradient"] = Field(
        default="train",
        description="`search` runs the tree search on the fixed policy, without training; with `exploration`, any"
        " rollout until it finds a solution. `gradient` measures the policy gradients of arms at the fixed policy.",
    )
    gradient: GradientSettings | None = Field(
        default=None, description="How a `gradient` study measures; null is the defaults."
    )
    exploration: ExplorationSettings | None = Field(
        default=None, description="Makes a `search` study one of first solutions, against direct sampling."
    )
    base: str | dict[str, Any] = Field(description="A spec, or the path of one (from the study file's folder).")
    arms: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description='Arm name to overrides, e.g. `{"uct": {"rollout.selector.kind": "uct"}}`.'
    )
    grid: dict[str, list[Any]] = Field(
        default_factory=dict, description="Spec path to values; every combination is an arm."
    )
    baseline: str | None = Field(default=None, description="The arm others are compared with; null is the first.")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1, description="Each arm runs once with each.")
    budget: Budget | None = Field(
        default=None, description="The equal budget; null is the greatest of model tokens that all runs reach."
    )
    metrics: tuple[str, ...] = Field(default=(), description="What the table compares; none is the mode's own choice.")

    @model_validator(mode="after")
    def _check(self) -> Study:
        if bool(self.arms) == bool(self.grid):
            raise ValueError("a study has either arms or a grid; give one of the two")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds repeat; name each once")
        if any(not values for values in self.grid.values()):
            raise ValueError("a grid path has no values; list at least one")
        fault = misplaced(self.mode, self.gradient, self.exploration, self.budget, self.metrics)
        if fault:
            raise ValueError(fault)
        names = list(self.all_arms())
        if self.baseline is not None and self.baseline not in names:
            raise ValueError(f"baseline '{self.baseline}' is no arm; arms: {', '.join(names)}")
        slugs = {slug(name) for name in names}
        if len(slugs) < len(names) or "" in slugs:
            raise ValueError("arm names must differ in their letters and digits, which name the folders; rename one")
        return self

    def all_arms(self) -> dict[str, dict[str, Any]]:
        """Arm name to overrides; a grid's arms are named by their values."""
        if self.arms:
            return self.arms
        combinations = itertools.product(*self.grid.values())
        return {
            _grid_name(dict(zip(self.grid, c, strict=True))): dict(zip(self.grid, c, strict=True)) for c in combinations
        }

    @property
    def baseline_name(self) -> str:
        """The arm that differences are taken against."""
        return self.baseline or next(iter(self.all_arms()))


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study: its arm, seed, checked spec and folder.

    `work` is what it measures at a fixed policy, as JSON data; nothing where it trains, or searches without training.
    """

    arm: str
    seed: int
    spec: RunSpec
    folder: Path
    work: Mapping[str, Any] = field(default_factory=dict[str, Any])


def load_study(path: Path) -> Study:
    """Read a study file. Raises SpecError listing every fault."""
    data = read_json(path)
    if not isinstance(data, Mapping):
        raise SpecError(f"{path}: a study is a JSON object, not {type(data).__name__}")
    if {"model", "task"} & data.keys() and "base" not in data:
        raise SpecError(f"{path}: this is the spec of one run, not a study; `dsk run {path}` runs it")
    try:
        study = Study.model_validate(data)
    except ValidationError as error:
        raise SpecError(*validation_lines(error, str(path))) from None
    if isinstance(study.base, str):
        study = study.model_copy(update={"base": _read_base(path, study.base)})
    return study


def _read_base(path: Path, base: str) -> dict[str, Any]:
    try:
        return read_fields(path.parent / base)
    except SpecError as error:
        raise SpecError(*fault_lines(f"{path}: base", error.problems)) from None


def plan_runs(study: Study, source: str, runs: Path) -> list[PlannedRun]:
    """Every arm with every seed. Raises SpecError: an unknown path, a bad value, two arms that are the same."""
    specs: dict[str, RunSpec] = {}
    faults: list[str] = []
    for arm, overrides in study.all_arms().items():
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
    _refuse_equal(specs, source)
    return [
        PlannedRun(arm, seed, _seeded(spec, study, arm, seed, source), runs / study.name / slug(arm) / f"seed-{seed}")
        for seed in study.seeds
        for arm, spec in specs.items()
    ]


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


def _seeded(spec: RunSpec, study: Study, arm: str, seed: int, source: str) -> RunSpec:
    fields = {**spec.dump(), "seed": seed, "name": f"{study.name}.{slug(arm)}.seed-{seed}"}
    return parse_spec(fields, f"{source}: seeds")


def _grid_name(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{path.split('.')[-1]}={json.dumps(value).strip(chr(34))}" for path, value in values.items())


def slug(name: str) -> str:
    """An arm's name as a folder name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")
