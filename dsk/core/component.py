"""`Component`, and how a spec names one: `{"kind": "uct", "exploration": 1.0}`.

A component is its hyperparameters: a frozen pydantic model plus the few methods of its role. The role classes are in
`roles/`; concrete classes set `kind` and register through the hooks of `hookspecs.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from dsk.core.input.faults import shortened
from dsk.core.input.moved_fields import moved_answer
from dsk.core.input.trl_names import trl_answer

ROLE_PLACE = "dsk-role"
"""Marks, in pydantic's JSON Schema, a place for a component of a role; `dsk.core.schema` puts a reference there."""

KIND_LEFT_OUT = "dsk-kind"
"""Beside it: the kind of an object without one, where that is not the role's default."""

COMPARED = 100
"""Characters of a word that are looked at for a near miss."""


def did_you_mean(word: object, allowed: list[str]) -> str:
    """` (did you mean 'x'?)`, or nothing when no allowed word is close."""
    close = difflib.get_close_matches(str(word)[:COMPARED], allowed, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def as_object(value: Any) -> Mapping[str, Any] | None:
    """The value if it is a JSON object."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


class StrictModel(BaseModel):
    """A frozen model that answers an unknown field with the fields it has."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    @model_validator(mode="wrap")
    @classmethod
    def _name_allowed_fields(cls, data: Any, handler: Any) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, [cls._explain(e) for e in error.errors()]) from None

    @classmethod
    def _explain(cls, error: Any) -> InitErrorDetails:
        kind: Any = PydanticCustomError(error["type"], "{text}", {"text": error["msg"]})
        if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
            kind = PydanticCustomError("unknown_field", "{text}", {"text": cls._unknown(str(error["loc"][0]))})
        if error["type"] == "literal_error":
            near = did_you_mean(error["input"], re.findall(r"'([^']*)'", error["ctx"]["expected"]))
            kind = PydanticCustomError("not_allowed", "{text}", {"text": error["msg"] + near})
        return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"])

    @classmethod
    def _unknown(cls, name: str) -> str:
        """What to say of a field that is not there: its name here, where it is one of TRL's."""
        allowed = sorted(cls.model_fields)
        named = f"allowed: {', '.join(allowed) or 'none'}{did_you_mean(name, allowed)}"
        return f"unknown field; {moved_answer(name) or trl_answer(name) or named}"


class Component(StrictModel):
    """Base of every exchangeable part. `role` names its kind of job, `kind` the implementation."""

    role: ClassVar[str]
    plural: ClassVar[str]
    """The role's name for several: of its hook, `register_PLURAL`, and of its folder, `dsk/components/PLURAL`."""
    records: ClassVar[tuple[str, ...]] = ()
    """What the role's methods take and give beyond numbers and arrays: names in `dsk`, which its page describes."""
    kind: ClassVar[str]
    default_kind: ClassVar[str | None] = None
    """What a spec that names no kind gets: the published setting of the role, where there is one."""

    def dump(self) -> dict[str, Any]:
        """The JSON form that a spec holds: `kind` first, then every field."""
        return {"kind": self.kind, **self.model_dump(mode="json")}

    @classmethod
    def is_concrete(cls) -> bool:
        """Whether this class names an implementation (sets `kind`) and not just a role."""
        return any("kind" in base.__dict__ for base in cls.__mro__)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        if cls.is_concrete() or not hasattr(cls, "role"):
            return handler(source)

        def resolve(value: Any, info: ValidationInfo) -> Component:
            return _resolve(cls, value, info.context)

        return core_schema.with_info_plain_validator_function(
            resolve,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda part: part.dump()),
            metadata={"role": cls.role},
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        return handler(schema) if cls.is_concrete() or not hasattr(cls, "role") else {ROLE_PLACE: cls.role}


@dataclass(frozen=True)
class Otherwise:
    """Annotates a place for a component: the kind that an object without one gets there, instead of the role's own."""

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self._named, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        return {**handler(schema), KIND_LEFT_OUT: self.kind}

    def _named(self, value: Any) -> Any:
        fields = as_object(value)
        return value if fields is None else {"kind": self.kind, **fields}


def default_part(role: type[Component], kind: str | None = None, description: str | None = None) -> Any:
    """A field of a component that holds one of the role, by default its default kind.

    Where `kind` is another one, annotate the field with `Otherwise` too.
    """
    fields: Any = {"kind": kind or role.default_kind}
    shown: Any = {"default": fields}
    return Field(
        default_factory=lambda: fields, description=description or f"The {role.role}.", json_schema_extra=shown
    )


def _resolve(role_class: type[Component], value: Any, context: Any) -> Component:
    """Turn `{"kind": ...}` (or a bare kind) into the component it names; raise with the allowed kinds otherwise."""
    from dsk.core.plugins.registry import load_registry

    if isinstance(value, role_class):
        return value
    registry = context["registry"] if context and "registry" in context else load_registry()
    kinds = registry.kinds(role_class.role)
    fields = {"kind": value} if isinstance(value, str) else as_object(value)
    if fields is not None and "kind" not in fields and role_class.default_kind:
        fields = {"kind": role_class.default_kind, **fields}
    if fields is None or "kind" not in fields:
        text = f'expected an object such as {{"kind": "{kinds[0] if kinds else "..."}"}}; kinds: {", ".join(kinds)}'
        raise PydanticCustomError("component_kind", "{text}", {"text": text})
    kind = fields["kind"]
    if kind not in kinds:
        found = shortened(str(kind))
        text = f"unknown {role_class.role} '{found}'; allowed: {', '.join(kinds)}{did_you_mean(kind, kinds)}"
        hint = registry.problem_hint()
        raise PydanticCustomError("component_kind", "{text}", {"text": text + hint})
    rest = {name: part for name, part in fields.items() if name != "kind"}
    return registry.get(role_class.role, str(kind)).model_validate(rest, context=context)
