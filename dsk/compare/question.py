"""One question as a study: `dsk compare BASE --set ARM:path=value ... --budget 100k`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsk.compare.study import Study, load_study, parse_study, slug
from dsk.core.errors import SpecError
from dsk.core.input.faults import shortened
from dsk.core.input.reading import is_json, parse_json
from dsk.core.loading import parse_spec, read_fields
from dsk.core.run.files import writing
from dsk.core.run.records import write_json

BASE_ARM = "base"
STUDY_FILE = "study.json"
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
AMOUNT = re.compile(r"(\d+(?:\.\d+)?(?:e\d+)?)([kMG]?)")
OTHER_SEED = 1000
"""What is added to the seed of a task that draws its problems from one, so that tuning has others."""


@dataclass(frozen=True)
class Question:
    """The command's words. `arms` are `ARM:path=value`, `tune` and `tune_set` `[ARM:]path=v1,v2` and `path=value`."""

    arms: Sequence[str]
    budget: str | None = None
    axis: str | None = None
    baseline: str | None = None
    tune: Sequence[str] = ()
    tune_set: Sequence[str] = ()
    name: str | None = None
    fields: dict[str, Any] = field(default_factory=dict[str, Any])


def pick_study(targets: Sequence[Path], asked: Question) -> Study | None:
    """The study that a command's words mean: a file's, or one made of a spec; None where they name run folders.

    Raises SpecError, also for words that go with a spec and its arms alone.
    """
    if asked.arms:
        if len(targets) != 1:
            raise SpecError(f"--set: {len(targets)} targets; name the one spec that the arms differ from")
        return make_study(targets[0], asked)
    given = {"--budget": asked.budget, "--tune": asked.tune, "--tune-set": asked.tune_set, "--name": asked.name}
    stray = next((option for option, value in given.items() if value), None)
    if stray:
        raise SpecError(f"{stray}: goes with a spec and --set ARM:path=value; a study has it in its file")
    if len(targets) != 1 or targets[0].suffix != ".json":
        return None
    study = load_study(targets[0])
    return parse_study({**study.model_dump(mode="json"), **asked.fields}, str(targets[0])) if asked.fields else study


def amount_of(text: str, where: str) -> float:
    """`100k`, `2.5M` or a plain number. Raises SpecError."""
    found = AMOUNT.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise SpecError(f"{where} {shortened(text)}: expected an amount, such as 100000, 100k or 2.5M")
    return float(found[1]) * UNITS[found[2]]


def make_study(base: Path, asked: Question) -> Study:
    """The study that answers the question. Raises SpecError.

    The base as it is becomes the arm `base`, which the others are compared with, unless `baseline` names one of them.
    """
    spec = read_fields(base)
    arms = arms_of_words(asked.arms)
    if asked.baseline is None or asked.baseline == BASE_ARM:
        arms = {BASE_ARM: arms.get(BASE_ARM, {}), **arms}
    baseline = asked.baseline or BASE_ARM
    title = str(spec.get("name", base.stem))
    data: dict[str, Any] = {
        "name": asked.name or f"{title}.{'-'.join(slug(arm) for arm in arms if arm != BASE_ARM)}",
        "question": f"{title}: {', '.join(arm for arm in arms if arm != baseline)} against {baseline}",
        "base": spec,
        "arms": arms,
        "baseline": baseline,
        **asked.fields,
    }
    if asked.budget is not None:
        data["budget"] = {"axis": asked.axis or "model_tokens", "amount": amount_of(asked.budget, "--budget")}
    if asked.tune:
        data["tune"] = {**grids_of_words(asked.tune), "set": _tuning_problems(spec, asked.tune_set, str(base))}
    return parse_study(data, f"{base} with --set")


def arms_of_words(words: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`ARM:path=value`, one override each, as arms. Raises SpecError."""
    arms: dict[str, dict[str, Any]] = {}
    for word in words:
        path, equals, text = word.partition("=")
        arm, colon, path = path.partition(":")
        if not (equals and colon and arm.strip() and path):
            raise SpecError(f"--set {shortened(word)}: expected ARM:path=value, such as wide:rollout.width=8")
        arms.setdefault(arm.strip(), {})[path] = value_of(text, f"--set {shortened(word)}")
    return arms


def grids_of_words(words: Iterable[str]) -> dict[str, Any]:
    """`path=v1,v2` for every arm, `ARM:path=v1,v2` for one, as the grids of `tune`. Raises SpecError."""
    shared: dict[str, list[Any]] = {}
    own: dict[str, dict[str, list[Any]]] = {}
    for word in words:
        path, equals, text = word.partition("=")
        arm, colon, rest = path.partition(":")
        if not (equals and path and text and (rest or not colon)):
            raise SpecError(f"--tune {shortened(word)}: expected path=v1,v2 or ARM:path=v1,v2")
        grid = own.setdefault(arm.strip(), {}) if colon else shared
        grid[rest or path] = values_of(text, f"--tune {shortened(word)}")
    return {"grid": shared, "arms": own}


def values_of(text: str, where: str) -> list[Any]:
    """Values between commas, each JSON or a plain string; or one JSON list of them."""
    whole = value_of(text, where) if text.startswith("[") else None
    if isinstance(whole, list):
        return whole
    return [value_of(part.strip(), where) for part in text.split(",")]


def value_of(text: str, where: str) -> Any:
    """A value as `--set` reads it: JSON, or a plain string."""
    return parse_json(text if is_json(text) else json.dumps(text), where)


def _tuning_problems(spec: dict[str, Any], words: Sequence[str], source: str) -> dict[str, Any]:
    """What was asked for, or another seed of a task that has one."""
    if words:
        return dict(_assignment(word) for word in words)
    task = parse_spec(spec, source).dump()["task"]
    return {"task.seed": task["seed"] + OTHER_SEED} if "seed" in task else {}


def _assignment(word: str) -> tuple[str, Any]:
    path, equals, text = word.partition("=")
    if not (equals and path):
        raise SpecError(f"--tune-set {shortened(word)}: expected path=value, such as task.seed=1")
    return path, value_of(text, f"--tune-set {shortened(word)}")


def write_study(study: Study, runs: Path) -> Path:
    """Keep the study beside its runs, so that `dsk compare` repeats it."""
    place = runs / study.name / STUDY_FILE
    with writing(place, "make room, then give the same command again"):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, study.model_dump(mode="json", exclude_defaults=True))
    return place
