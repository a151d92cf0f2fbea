"""Where a spec has components: those of one spec, and, from the fields alone, the place of each role."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from dsk.core.component import Component, StrictModel, as_object
from dsk.core.plugins.registry import Registry
from dsk.core.roles import ROLES
from dsk.core.spec import RunSpec


@dataclass(frozen=True)
class Place:
    """Where a spec names a component of a role.

    `path` is dotted; `listed` says whether a list stands there. `holder` is the kind of the component around it, where
    that is not the default one and so has to be named too.
    """

    path: str
    listed: bool = False
    holder: str | None = None


def placed(part: StrictModel, path: str = "") -> Iterator[tuple[str, Component]]:
    """Every component of a spec with its path, those within components too."""
    for name in type(part).model_fields:
        value: Any = getattr(part, name)
        inner = f"{path}.{name}" if path else name
        listed = value if isinstance(value, tuple) else ()
        for at, item in [(inner, value), *((f"{inner}.{place}", item) for place, item in enumerate(listed))]:
            if isinstance(item, Component):
                yield at, item
            if isinstance(item, StrictModel):
                yield from placed(item, at)


def places(registry: Registry) -> dict[str, Place]:
    """The place of each role: the nearest to the spec's top, in the default kinds of other roles before further ones.

    A role that no field of a spec or of a registered component holds has none.
    """
    found: dict[str, Place] = {}
    for by_default in (True, False):
        waiting: deque[tuple[str, type[StrictModel], str | None]] = deque([("", RunSpec, None)])
        expanded: set[type[StrictModel]] = set()
        while waiting:
            path, model, holder = waiting.popleft()
            if model in expanded:
                continue
            expanded.add(model)
            for name, held, listed in _held(model):
                inner = f"{path}.{name}" if path else name
                if issubclass(held, Component):
                    found.setdefault(held.role, Place(inner, listed, holder))
                waiting += [(inner, part, kind) for part, kind in _parts(held, registry, by_default)]
    return {role.role: found[role.role] for role in ROLES if role.role in found}


def kind_left_out(data: Mapping[str, Any], path: Sequence[str], registry: Registry) -> str | None:
    """The kind that the object at `path` of a spec has where it names none; None where the path leads nowhere known."""
    kind, here = None, data
    model: type[StrictModel] | None = RunSpec
    for name in path:
        field = model.model_fields.get(name) if model else None
        if field is None:
            return None
        default = as_object(field.get_default(call_default_factory=True)) or {}
        here = as_object(here.get(name)) or {}
        kind = default.get("kind")
        models = (_of_kind(held, here.get("kind", kind), registry) for held, _ in _models(field.annotation, False))
        model = next((found for found in models if found), None)
    return kind


def _of_kind(held: type[StrictModel], kind: Any, registry: Registry) -> type[StrictModel] | None:
    if not issubclass(held, Component) or held.is_concrete():
        return held
    entry = registry.entries.get((held.role, kind)) if isinstance(kind, str) else None
    return entry.component if entry else None


def _held(model: type[StrictModel]) -> Iterator[tuple[str, type[StrictModel], bool]]:
    """The fields of a model that hold parts: name, class, and whether they hold a list of them."""
    for name, field in model.model_fields.items():
        for held, listed in _models(field.annotation, False):
            yield name, held, listed


def _models(annotation: Any, listed: bool) -> Iterator[tuple[type[StrictModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, StrictModel):
        yield annotation, listed
    for inner in get_args(annotation):
        yield from _models(inner, listed or get_origin(annotation) in (tuple, list))


def _parts(held: type[StrictModel], registry: Registry, by_default: bool) -> list[tuple[type[StrictModel], str | None]]:
    """The models that may stand there, each with its kind where that is not the default one."""
    if not issubclass(held, Component) or held.is_concrete():
        return [(held, None)]
    kinds = [held.default_kind] if by_default else registry.kinds(held.role)
    known = [(kind, registry.entries.get((held.role, kind))) for kind in kinds if kind is not None]
    return [(entry.component, None if kind == held.default_kind else kind) for kind, entry in known if entry]
