"""JSON Schemas of specs and components, installed plugins included: what an editor completes and checks with.

Every component is one entry of `$defs`, named `role.kind`, and every place for a component refers to its role's entry,
so a component may hold another of its own role.
"""

from __future__ import annotations

from typing import Any, cast

from dsk.core.component import KIND_LEFT_OUT, ROLE_PLACE, Component, as_object
from dsk.core.plugins.registry import Registry
from dsk.core.roles import role_of
from dsk.core.spec import RunSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLACE = (ROLE_PLACE, KIND_LEFT_OUT)


def spec_schema(registry: Registry) -> dict[str, Any]:
    """The schema of a spec file. `$schema` is allowed in one, so that a spec can name its schema."""
    schema = _Linker(registry).whole(RunSpec.model_json_schema())
    schema["properties"]["$schema"] = {"type": "string", "description": "Where an editor finds this schema."}
    return {"$schema": DIALECT, **schema}


def component_schema(component: type[Component], registry: Registry) -> dict[str, Any]:
    """The schema of one component's object in a spec."""
    linker = _Linker(registry)
    return {"$schema": DIALECT, **linker.whole(linker.component(component))}


class _Linker:
    """Gathers `$defs` while it rewrites the places for components into references."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.defs: dict[str, Any] = {}

    def whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        """`schema` with everything that it refers to."""
        schema = self.hoist(schema, "")
        return {**schema, "$defs": dict(sorted(self.defs.items()))}

    def hoist(self, schema: dict[str, Any], prefix: str) -> dict[str, Any]:
        """Move the schema's own `$defs` to the gathered ones, their names under `prefix`."""
        for name, part in schema.pop("$defs", {}).items():
            self.defs[prefix + name] = self.linked(part, prefix)
        return self.linked(schema, prefix)

    def linked(self, node: Any, prefix: str) -> Any:
        """A copy of `node` in which every place for a component is a reference."""
        if isinstance(node, list):
            return [self.linked(part, prefix) for part in cast("list[Any]", node)]
        fields = as_object(node)
        if fields is None:
            return node
        copy = {name: self.linked(part, prefix) for name, part in fields.items() if name not in (*PLACE, "$ref")}
        if ROLE_PLACE in fields:
            copy["$ref"] = self.role(fields[ROLE_PLACE], fields.get(KIND_LEFT_OUT))
        elif "$ref" in fields:
            copy["$ref"] = "#/$defs/" + prefix + fields["$ref"].removeprefix("#/$defs/")
        return copy

    def role(self, role: str, left_out: str | None = None) -> str:
        """A reference to the role's entry, which is made at the first call: a bare kind, or one of the objects.

        `left_out` is the kind of an object that names none, where it is not the role's default.
        """
        name = f"{role}, {left_out} by default" if left_out else role
        if name not in self.defs:
            self.defs[name] = {}
            kinds = {"enum": self.registry.kinds(role), "description": f"A {role} with its defaults."}
            default = left_out or role_of(role).default_kind
            objects = [self.entry(component, default) for component in self.registry.classes(role)]
            self.defs[name] = {"oneOf": [kinds, *objects]}
        return f"#/$defs/{name}"

    def entry(self, component: type[Component], default: str | None) -> dict[str, Any]:
        """A reference to the component's entry, which is made at the first call; `default` may leave out its kind."""
        name = f"{component.role}.{component.kind}"
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = self.component(component)
        reference = {"$ref": f"#/$defs/{name}"}
        return reference if component.kind == default else {**reference, "required": ["kind"]}

    def component(self, component: type[Component]) -> dict[str, Any]:
        """The component's own schema, with `kind`."""
        schema = self.hoist(component.model_json_schema(), f"{component.role}.{component.kind}.")
        kind = {"const": component.kind, "description": f"This {component.role}."}
        schema["properties"] = {"kind": kind, **schema.get("properties", {})}
        return schema
