"""Components of a spec that was made in Python whose classes no distribution registers: a run's folder names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsk.core.component import Component
from dsk.core.errors import SpecError
from dsk.core.places import placed
from dsk.core.plugins.registry import Registry, load_registry
from dsk.core.run.stored import read_object
from dsk.core.spec import RunSpec

OWN_PARTS = "own_parts.json"
"""In a run's folder, where it has such parts: a list of them."""


@dataclass(frozen=True)
class OwnPart:
    """A component at `path` of a spec; `name` is its class's, with the module."""

    path: str
    role: str
    kind: str
    name: str


def own_parts(spec: RunSpec) -> list[OwnPart]:
    """The spec's parts whose classes nothing registers.

    Raises SpecError for one whose kind is that of another class: its name in the run's folder would mislead.
    """
    registry = load_registry(spec.plugins)
    found = [(path, part) for path, part in placed(spec) if not _is_registered(path, part, registry)]
    return [OwnPart(path, part.role, part.kind, _class_name(type(part))) for path, part in found]


def _is_registered(path: str, part: Component, registry: Registry) -> bool:
    entry = registry.entries.get((part.role, part.kind))
    if entry is not None and _class_name(entry.component) != _class_name(type(part)):
        raise SpecError(
            f"{path}: {_class_name(type(part))} has the kind '{part.kind}', which is that of"
            f" {_class_name(entry.component)} from '{entry.distribution}'; give your class a `kind` of its own"
        )
    return entry is not None


def _class_name(component: type[Any]) -> str:
    return f"{component.__module__}.{component.__qualname__}"


def missing_parts(source: Path) -> list[str]:
    """One line where the run in `source` (its folder, or the spec in it) began with own parts that nobody registers."""
    folder = source.parent if source.name == "spec.json" else source
    path = folder / OWN_PARTS
    if not path.is_file():
        return []
    registry = load_registry()
    parts = [part for part in read_object(path, list[OwnPart]) if (part.role, part.kind) not in registry.entries]
    named = ", ".join(f"{part.role} '{part.kind}' ({part.name})" for part in parts)
    advice = f"dsk.run(spec, {str(folder)!r}, resume=True) with a spec that has them, or register them in a plugin"
    told = f"{folder}: began in Python with classes that nothing registers here: {named}; go on there with {advice}"
    return [told] if parts else []
