"""Records of events.jsonl as the flat figures that trackers plot, and the line for a tracker that is not installed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from dsk.core.errors import SpecError

PLACES = ("event", "step", "seq")


def figures(record: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers of a record as `event/name`, nested ones as `event/name/part`; text and places are left out."""
    event = str(record.get("event", "record"))
    return {f"{event}/{name}": value for name, value in _flat(record) if name not in PLACES}


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}/")
        elif isinstance(value, bool | int | float) and math.isfinite(value):
            found.append((prefix + name, float(value)))
    return found


def step_of(record: Mapping[str, Any], last: int) -> int:
    """The step a record belongs to: its own, or the `last` one seen."""
    step = record.get("step")
    return step if isinstance(step, int) else last


def lacking(kind: str) -> str | None:
    """The install line where the library of the tracker's name is missing, else None."""
    return None if find_spec(kind) else install_line(kind)


def install_line(kind: str) -> str:
    """How to get a tracker's library."""
    return f"pip install 'deepsearch-kit[{kind}]', or leave it out"


def not_installed(kind: str) -> SpecError:
    """What to say when a tracker's library is missing."""
    return SpecError(f"trackers: '{kind}' needs its package; {install_line(kind)}")
