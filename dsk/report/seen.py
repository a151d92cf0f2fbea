"""What advice is given from: a run's spec and records, and the sentence that comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Advice:
    """`field` is a path in the spec, `turn` what to do with it."""

    sentence: str
    field: str
    turn: str


@dataclass(frozen=True)
class Seen:
    """A run as far as advice needs it: its resolved spec, its steps and its evaluations, in order."""

    spec: Mapping[str, Any]
    steps: Sequence[Record]
    evaluations: Sequence[Record]
    syncs: Sequence[Record] = ()
    screenings: Sequence[Record] = ()

    def figures(self, name: str) -> list[float]:
        """A figure of the steps that have it."""
        return [step[name] for step in self.steps if step.get(name) is not None]

    def setting(self, path: str) -> Any:
        """What the spec says at a path, None where it says nothing there."""
        found: Any = self.spec
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def first_set(self, *paths: str) -> str:
        """The first of the paths that this spec has; the last where it has none of them."""
        return next((path for path in paths if self.setting(path) is not None), paths[-1])


def late(values: Sequence[float]) -> list[float]:
    """The last quarter, at least one figure where there is any."""
    return list(values[-max(len(values) // 4, 1) :])


def early(values: Sequence[float]) -> list[float]:
    """The first quarter, at least one figure where there is any."""
    return list(values[: max(len(values) // 4, 1)])
