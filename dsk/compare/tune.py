"""What a study's `tune` says: a grid for each arm, and what tells tuning from the table."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from dsk.core.component import StrictModel, as_object, did_you_mean

Settings = dict[str, list[Any]] | list[dict[str, Any]]


class Tune(StrictModel):
    """A grid for every arm, tried on seeds and problems that the table does not use."""

    grid: Settings = Field(
        default_factory=dict[str, list[Any]],
        description="For every arm: spec path to values, of which every combination is tried; or a list of overrides.",
    )
    arms: dict[str, Settings] = Field(
        default_factory=dict, description="Arm name to a grid of its own, combined with the one for every arm."
    )
    seeds: tuple[int, ...] = Field(
        default=(1000, 1001, 1002), min_length=1, description="Each setting runs once with each; none is in the table."
    )
    set: dict[str, Any] = Field(
        default_factory=dict,
        description='Overrides that give tuning problems of its own, e.g. `{"task.seed": 1}`; they must not be among'
        " those that the table is judged on.",
    )
    amount: float | None = Field(
        default=None, gt=0, description="The budget of a tuning run, on the study's axis; null is the study's."
    )
    metric: str | None = Field(
        default=None, description="What is best at the budget, on average over the tuning seeds; null is the first."
    )

    @model_validator(mode="after")
    def _check(self) -> Tune:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds repeat; name each once")
        for name, grid in (("grid", self.grid), *((f"arms.{arm}", own) for arm, own in self.arms.items())):
            if isinstance(grid, dict) and any(not values for values in grid.values()):
                raise ValueError(f"{name}: a path has no values; list at least one")
        for arm, own in self.arms.items():
            both = sorted(_paths(self.grid) & _paths(own))
            if both:
                raise ValueError(f"'{both[0]}' is in the grid and in that of arm '{arm}'; give it in one of the two")
        return self

    def settings(self, arm: str) -> list[dict[str, Any]]:
        """The overrides to try for an arm, in the order in which ties are decided."""
        shared, own = combinations(self.grid), combinations(self.arms.get(arm, {}))
        return [{**first, **second} for first in shared for second in own]

    def fault(self, arms: Sequence[str], seeds: Iterable[int]) -> str | None:
        """What is wrong with it for a study of these arms and seeds; None where nothing is."""
        unknown = [name for name in self.arms if name not in arms]
        if unknown:
            known = f"arms: {', '.join(arms)}{did_you_mean(unknown[0], list(arms))}"
            return f"tune.arms: '{unknown[0]}' is no arm; {known}"
        counts = {arm: len(self.settings(arm)) for arm in arms}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{arm} {count}" for arm, count in counts.items())
            return f"tune: arms get unequal tuning (settings: {told}); give every arm as many settings to try"
        if set(counts.values()) == {1}:
            return "tune: one setting an arm leaves nothing to choose from; give several, or leave `tune` out"
        common = sorted(set(self.seeds) & set(seeds))
        if common:
            return f"tune.seeds: {', '.join(map(str, common))} are the table's seeds too; tune on others"
        return None


def combinations(grid: Settings) -> list[dict[str, Any]]:
    """Every combination of a grid's values, the last path changing fastest; one without any override for none."""
    if not grid:
        return [{}]
    if isinstance(grid, list):
        return grid
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _paths(grid: Settings) -> set[str]:
    return {path for setting in combinations(grid) for path in setting}


def in_words(setting: Mapping[str, Any]) -> str:
    """A setting by the last words of its paths: `lr=0.05, clip_high=0.2`; more words where two would be the same."""
    lasts = [path.split(".")[-1] for path in setting]
    names = [last if lasts.count(last) == 1 else path for path, last in zip(setting, lasts, strict=True)]
    told = (f"{name}={_value(value)}" for name, value in zip(names, setting.values(), strict=True))
    return ", ".join(told) or "as it is"


def _value(value: Any) -> str:
    part = as_object(value)
    if part is None:
        return str(value)
    fields = ", ".join(f"{name}={_value(inner)}" for name, inner in part.items() if name != "kind")
    return f"{part.get('kind', '')}({fields})" if fields else str(part.get("kind", "{}"))
