"""A study file: one base spec, arms or a grid that override it, seeds, a budget, how to tune and when to stop."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from dsk.compare.fixed.settings import ExplorationSettings, GradientSettings, misplaced
from dsk.compare.looks import FEWEST
from dsk.compare.metrics import DEFAULT, level_fault
from dsk.compare.runs import TUNING_FOLDER
from dsk.compare.tune import Tune
from dsk.core.component import StrictModel
from dsk.core.errors import SpecError
from dsk.core.input.faults import fault_lines
from dsk.core.input.reading import read_json
from dsk.core.loading import read_fields, validation_lines

Axis = Literal["sampled_tokens", "model_tokens", "unscreened_tokens", "seconds", "updates"]
BOUNDS = {
    "sampled_tokens": "max_tokens",
    "model_tokens": "max_model_tokens",
    "unscreened_tokens": "max_unscreened_tokens",
    "seconds": "max_train_seconds",
    "updates": "max_updates",
}
ENDLESS_ROUNDS = 1000
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
    tune: Tune | None = Field(
        default=None, description="Settings to choose from, for each arm as many, before the table; null is untuned."
    )
    resolution: float | None = Field(
        default=None,
        gt=0,
        description="Seeds are added until every arm's paired interval reaches no further than this to either side, in"
        " points for a share, on the first metric; null keeps to `seeds`.",
    )
    max_seeds: int = Field(default=40, ge=2, description="How many seeds an arm has at most, with `resolution`.")
    tokens_to: float | None = Field(
        default=None,
        gt=0,
        description="A level of the first metric, 0.8 for 80%: the table shows how much of the budget it takes to reach"
        " it, and that as a ratio to the baseline's.",
    )

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
        fault = self._tuning_fault(names) or self._instrument_fault(names)
        if fault:
            raise ValueError(fault)
        return self

    def _tuning_fault(self, names: list[str]) -> str | None:
        if self.tune is None:
            return None
        if self.mode != "train":
            return f"tune: a study of mode '{self.mode}' trains nothing; leave `tune` out"
        if self.budget is None:
            return "tune: needs a `budget`, so that every setting is tried with as much"
        taken = next((name for name in names if slug(name) == TUNING_FOLDER), None)
        if taken:
            return f"arm '{taken}': its folder is where tuning runs are kept; rename it"
        return self.tune.fault(names, self.seeds)

    def _instrument_fault(self, names: list[str]) -> str | None:
        if self.tokens_to is not None and self.mode != "train":
            return f"tokens_to: a study of mode '{self.mode}' has no curves; leave it out"
        if self.tokens_to is not None and (fault := level_fault(next(iter(self.metrics), DEFAULT), self.tokens_to)):
            return fault
        if self.resolution is None:
            return None
        if self.mode == "gradient" or self.exploration is not None:
            return "resolution: a study at a fixed policy measures its arms as often as it says; leave it out"
        if len(names) < 2:
            return "resolution: one arm has no difference from another; add an arm"
        if len(self.seeds) < FEWEST:
            return f"resolution: {len(self.seeds)} seeds say too little about their spread; begin with {FEWEST} or more"
        if self.max_seeds < len(self.seeds):
            return f"max_seeds: {self.max_seeds} are fewer than the {len(self.seeds)} seeds to begin with; raise it"
        return None

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

    def seeds_of(self, count: int) -> tuple[int, ...]:
        """The first `count` seeds: those given, then the numbers after the greatest that tuning does not use."""
        used = self.tune.seeds if self.tune else ()
        further = (seed for seed in itertools.count(max(self.seeds) + 1) if seed not in used)
        return (*self.seeds, *itertools.islice(further, max(count - len(self.seeds), 0)))[:count]


def load_study(path: Path) -> Study:
    """Read a study file. Raises SpecError listing every fault."""
    data = read_json(path)
    if not isinstance(data, Mapping):
        raise SpecError(f"{path}: a study is a JSON object, not {type(data).__name__}")
    if {"model", "task"} & data.keys() and "base" not in data:
        raise SpecError(
            f"{path}: this is the spec of one run, not a study; `dsk run {path}` runs it, and --set ARM:path=value"
            " compares it with others"
        )
    study = parse_study(data, str(path))
    if isinstance(study.base, str):
        study = study.model_copy(update={"base": _read_base(path, study.base)})
    return study


def parse_study(data: Any, source: str) -> Study:
    """Check a study's fields. Raises SpecError listing every fault."""
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise SpecError(*validation_lines(error, source)) from None


def _read_base(path: Path, base: str) -> dict[str, Any]:
    try:
        return read_fields(path.parent / base)
    except SpecError as error:
        raise SpecError(*fault_lines(f"{path}: base", error.problems)) from None


def _grid_name(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{path.split('.')[-1]}={json.dumps(value).strip(chr(34))}" for path, value in values.items())


def slug(name: str) -> str:
    """An arm's name as a folder name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")
