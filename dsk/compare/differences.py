"""What differs between runs: what their specs say, and what nobody asked for (versions, device, data)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dsk.compare.runs import RunRecord
from dsk.core.component import as_object
from dsk.core.errors import DataError
from dsk.core.loading import differences

UNCOMPARED = ("name", "seed")
TRAINING_SIDE = "train"
SHOWN = 6


def spec_differences(baseline: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    """`path: baseline -> arm` for every value that differs; a part of another kind is one line."""
    old, new = ({k: v for k, v in s.items() if k not in UNCOMPARED} for s in (baseline, spec))
    return _lines("", old, new)


def _lines(path: str, old: Any, new: Any) -> list[str]:
    before, after = as_object(old), as_object(new)
    if _kind(before) != _kind(after):
        return [f"{path}: {_named(before, after)} -> {_named(after, before)}"]
    if before is None or after is None:
        return differences(old, new, path)
    names = sorted({*before, *after})
    return [d for n in names for d in _lines(f"{path}.{n}" if path else n, before.get(n), after.get(n))]


def _kind(part: Mapping[str, Any] | None) -> Any:
    return None if part is None else part.get("kind")


def _named(part: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str:
    """A part of another kind: its kind, and the fields that the other lacks or has at another value."""
    if part is None:
        return "none"
    known = other or {}
    own = {name: value for name, value in part.items() if name not in known or value != known[name]}
    fields = ", ".join(f"{name}={_kind(as_object(value)) or value}" for name, value in own.items() if name != "kind")
    return f"{part['kind']}({fields})" if fields else str(part["kind"])


def refuse_other_tasks(runs: Sequence[RunRecord]) -> None:
    """Raises DataError for runs that are not judged on the same task; training data may differ."""
    first = runs[0]
    for run in runs[1:]:
        changed = [line for line in _judged(first, run) if line]
        if changed:
            raise DataError(
                f"{first.folder} and {run.folder} are runs of different tasks ({'; '.join(changed)});"
                " compare runs of one task"
            )


def _judged(first: RunRecord, run: RunRecord) -> list[str]:
    tasks = [{k: v for k, v in r.spec["task"].items() if not k.startswith(TRAINING_SIDE)} for r in (first, run)]
    searched = first.is_search and run.is_search
    if searched:
        tasks = [r.spec["task"] for r in (first, run)]
    return differences(tasks[0], tasks[1], "task")


def unasked_differences(runs: Sequence[RunRecord]) -> list[str]:
    """One line for every version, platform or device that is not the same for all runs."""
    names = sorted({name for run in runs for name in run.surroundings})
    lines: list[str] = []
    for name in names:
        by_value: dict[str, list[str]] = {}
        for run in runs:
            by_value.setdefault(run.surroundings.get(name, "unknown"), []).append(run.name)
        if len(by_value) > 1:
            shown = "; ".join(f"{value} in {listed(holders)}" for value, holders in by_value.items())
            lines.append(f"{name} differs: {shown}")
    return lines


def listed(names: Iterable[str]) -> str:
    """Names in words, cut where there are many."""
    found = list(names)
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
