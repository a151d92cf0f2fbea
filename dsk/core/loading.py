"""Specs as JSON: read, overridden, checked, compared; each fault is one line with its place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from dsk.core.component import as_object
from dsk.core.errors import SpecError
from dsk.core.input.faults import QUOTED, fault_lines, shortened
from dsk.core.input.reading import DEEPEST, is_json, parse_json, read_json
from dsk.core.places import kind_left_out
from dsk.core.plugins.registry import Registry, load_registry
from dsk.core.spec import RunSpec

OTHER_FILES = {
    frozenset(("base", "arms", "grid")): "this is a study, not a spec; `dsk compare {0}` runs it",
    frozenset(("tasks",)): "this is a suite, not a spec; `dsk eval MODEL --suite {0}` judges a model on it",
}
"""Fields that tell another kind of file from a spec, and what that file is for."""


def override(data: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Apply `a.b=value` assignments (value is JSON, or a plain string) to a copy of `data`."""
    result = deepcopy(data)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not (equals and path and path.isprintable()):
            raise SpecError(f"--set {shortened(assignment)}: expected path=value, such as rollout.selector.kind=uct")
        set_path(result, path, parse_json(text if is_json(text) else json.dumps(text), f"--set {shortened(path)}"))
    return result


def set_path(data: dict[str, Any], path: str, value: Any) -> None:
    """Set `path` (dots) in nested dicts. Setting another `kind` drops the old kind's fields."""
    whole = data
    *parents, last = path.split(".")
    if len(parents) > DEEPEST:
        raise SpecError(f"--set {shortened(path)}: a path of {len(parents) + 1} names; give at most {DEEPEST}")
    for name in parents:
        inner: Any = data.setdefault(name, {})
        if not isinstance(inner, dict):
            raise SpecError(f"--set {shortened(path)}: '{shortened(name)}' is a value, not an object")
        data = cast("dict[str, Any]", inner)
    if last == "kind" and data and value != data.get("kind", _kind_left_out(whole, parents)):
        data.clear()
    data[last] = value


def _kind_left_out(data: dict[str, Any], path: list[str]) -> str | None:
    return kind_left_out(data, path, load_registry(_allowed_plugins(data)))


def parse_spec(data: Any, source: str = "spec", registry: Registry | None = None) -> RunSpec:
    """Check `data` and resolve its components. Raises SpecError listing every fault, one line each."""
    try:
        registry = registry or load_registry(_allowed_plugins(data))
    except SpecError as error:
        raise SpecError(*fault_lines(source, error.problems)) from None
    return checked_spec(data, source, registry)


def checked_spec(data: Any, source: str = "spec", registry: Registry | None = None) -> RunSpec:
    """Check fields, of which components may be made already. Raises SpecError listing every fault, one line each."""
    try:
        return RunSpec.model_validate(data, context={"registry": registry} if registry else None)
    except ValidationError as error:
        raise SpecError(*validation_lines(error, source)) from None


def _allowed_plugins(data: Any) -> tuple[str, ...] | None:
    """The spec's own list of plugins, needed before its components can be checked; the model judges anything else."""
    names: Any = (as_object(data) or {}).get("plugins")
    if isinstance(names, list) and all(isinstance(name, str) for name in cast("list[object]", names)):
        return tuple(cast("list[str]", names))
    return None


def validation_lines(error: ValidationError, source: str) -> list[str]:
    """One line per fault: source, JSON path, message, and the value where it is short; many faults are counted."""
    return fault_lines(source, (_fault_text(fault) for fault in error.errors()))


def _fault_text(fault: Any) -> str:
    path = ".".join(shortened(str(part)) for part in fault["loc"]) or "(top)"
    value = json.dumps(fault["input"], default=str)
    shown = f" (found {value})" if len(value) <= QUOTED and fault["type"] != "missing" else ""
    return f"{path}: {fault['msg']}{shown}"


def load_spec(path: str | Path, assignments: Iterable[str] = ()) -> RunSpec:
    """Read a spec file (or the one in a run's folder), apply overrides, check it. Raises SpecError.

    `RunSpec.dump` is the resolved form.
    """
    fields = override(read_fields(path), assignments)
    try:
        return parse_spec(fields, str(path))
    except SpecError as error:
        from dsk.core.own_parts import missing_parts

        raise SpecError(*missing_parts(Path(path)), *error.problems) from None


def read_fields(path: str | Path) -> dict[str, Any]:
    """The fields of a spec file, unchecked. Raises SpecError where the file is no JSON object or of another kind."""
    data = read_json(_spec_file(Path(path)))
    given = as_object(data)
    if given is None:
        raise SpecError(*fault_lines(str(path), [f"a spec is a JSON object, not {type(data).__name__}"]))
    for marks, use in OTHER_FILES.items():
        if marks & given.keys() and not {"model", "task"} & given.keys():
            raise SpecError(*fault_lines(str(path), [use.format(path)]))
    return {name: value for name, value in given.items() if name != "$schema"}  # "$schema" is for the reader's editor


def _spec_file(path: Path) -> Path:
    if not os.path.isdir(path):
        return path
    if not os.path.isfile(path / "spec.json"):
        raise SpecError(f"{path}: no run in this folder (no spec.json); name a spec file or a run's folder")
    return path / "spec.json"


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """`path: old -> new` for every leaf that differs."""
    before, after = as_object(old), as_object(new)
    if before is not None and after is not None:
        names = sorted({*before, *after})
        return [d for n in names for d in differences(before.get(n), after.get(n), f"{path}.{n}" if path else n)]
    return [] if old == new else [f"{path}: {json.dumps(old)} -> {json.dumps(new)}"]
