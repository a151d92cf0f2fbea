"""A spec as a notebook shows it: a row a part, what is not the default in bold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dsk.core.component import Component, StrictModel
from dsk.core.input.faults import shortened
from dsk.web.fragments import Cell, block, table

LONGEST = 300


def spec_html(spec: StrictModel, name: str) -> str:
    """The table: where, kind, what is not the default, and what is."""
    return block(f"Spec {name}", table(("part", "kind", "set", "default"), list(_rows(spec, "(run)")), left=4))


def _rows(part: StrictModel, path: str) -> Iterator[tuple[Cell, ...]]:
    data = part.dump() if isinstance(part, Component) else part.model_dump(mode="json")
    inner = {name: value for name in type(part).model_fields if isinstance(value := getattr(part, name), StrictModel)}
    own = {name: data[name] for name in type(part).model_fields if name not in inner}
    chosen = {name: value for name, value in own.items() if not _is_default(part, name)}
    others = {name: value for name, value in own.items() if name not in chosen}
    kind = part.kind if isinstance(part, Component) else ""
    yield Cell(path), Cell(kind, bold=True), Cell(_fields(chosen), bold=True), Cell(_fields(others), tone="dim")
    for name, value in inner.items():
        yield from _rows(value, name if path == "(run)" else f"{path}.{name}")


def _is_default(part: StrictModel, name: str) -> bool:
    field = type(part).model_fields[name]
    return not field.is_required() and getattr(part, name) == field.get_default(call_default_factory=True)


def _fields(fields: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} = {shortened(json.dumps(value, ensure_ascii=False), LONGEST)}" for name, value in fields.items()
    )
