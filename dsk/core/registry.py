"""From pluggy hooks to classes: `load_registry()` maps (role, kind) to the component that serves it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from typing import Any

import pluggy
from pydantic import ValidationError

from dsk.core import hookspecs
from dsk.core.component import Component
from dsk.core.errors import PluginError
from dsk.core.roles import ROLES

PLURALS = {role.role: name for role in ROLES for name in (role.role + "s",)} | {
    "advantage": "advantages",
    "loss": "losses",
    "cache": "caches",
}
BUILTIN = "dsk"


@dataclass(frozen=True)
class Entry:
    """A registered component class and the distribution it came from."""

    component: type[Component]
    distribution: str
    version: str


@dataclass
class Registry:
    """Components by role and kind; `problems` are plugins that could not be used, one line each."""

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, role: str, component: type, distribution: str, version: str) -> None:
        """Register one class. Raises PluginError on a wrong base, a missing or taken kind, or a bad default."""
        fault = self._fault(role, component)
        if fault:
            raise PluginError(f"plugin '{distribution}': {fault}")
        kind = component.kind
        taken = self.entries.get((role, kind))
        if taken:
            raise PluginError(
                f"plugin '{distribution}': {role} '{kind}' is already registered by '{taken.distribution}';"
                " rename one of the two, or uninstall one"
            )
        self.entries[role, kind] = Entry(component, distribution, version)

    def _fault(self, role: str, component: Any) -> str | None:
        base = next(r for r in ROLES if r.role == role)
        name = getattr(component, "__name__", repr(component))
        if not (inspect.isclass(component) and issubclass(component, base)):
            return f"register_{PLURALS[role]} got {name}, which is not a subclass of dsk.{base.__name__}"
        if not isinstance(getattr(component, "kind", None), str):
            return f'{name} has no `kind`; set `kind: ClassVar[str] = "..."`'
        if inspect.isabstract(component):
            missing = ", ".join(sorted(component.__abstractmethods__))
            return f"{name} does not implement {missing}"
        return _default_fault(component)

    def classes(self, role: str) -> list[type[Component]]:
        """The role's component classes, by kind."""
        return [entry.component for (r, _), entry in sorted(self.entries.items()) if r == role]

    def kinds(self, role: str) -> list[str]:
        """The role's kinds, sorted."""
        return sorted(kind for r, kind in self.entries if r == role)

    def get(self, role: str, kind: str) -> type[Component]:
        """The class for a kind; KeyError if there is none."""
        return self.entries[role, kind].component

    def problem_hint(self) -> str:
        """A clause that names broken plugins, for messages about kinds that are not there."""
        return f"; plugins that failed to load: {' | '.join(self.problems)}" if self.problems else ""

    def json_schema(self, component: type[Component]) -> dict[str, Any]:
        """The JSON Schema of one component, `kind` included."""
        schema = component.model_json_schema()
        schema.setdefault("properties", {})["kind"] = {"const": component.kind, "description": f"The {component.role}."}
        schema["required"] = ["kind", *schema.get("required", [])]
        return schema


def _default_fault(component: type[Component]) -> str | None:
    """What is wrong with the defaults of a component whose fields all have one."""
    if any(info.is_required() for info in component.model_fields.values()):
        return None
    try:
        component()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{component.__name__}'s own default for '{where}' does not validate: {first['msg']}"
    return None


def _disabled() -> set[str]:
    return {name for name in os.environ.get("DSK_DISABLE_PLUGINS", "").split(",") if name}


def _plugin_entry_points() -> Iterable[tuple[EntryPoint, str, str]]:
    """Entry points of the group `dsk`, each with its distribution's name and version, once per distribution."""
    seen: set[str] = set()
    for dist in distributions():
        name = dist.metadata["Name"]
        if name in seen:
            continue
        seen.add(name)
        yield from ((point, name, dist.version) for point in dist.entry_points if point.group == "dsk")


def register_plugin(registry: Registry, plugin: object, distribution: str, version: str) -> None:
    """Run one plugin's hooks into the registry. Raises PluginError, with nothing of the plugin registered."""
    manager = pluggy.PluginManager("dsk")
    manager.add_hookspecs(hookspecs)
    staged = Registry(dict(registry.entries))
    try:
        manager.register(plugin, name=distribution)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"plugin '{distribution}': {_hook_fault(error)}") from None
    _reject_unmarked_hooks(plugin, distribution)
    for role in ROLES:

        def register(component: type, role: str = role.role) -> None:
            staged.add(role, component, distribution, version)

        getattr(manager.hook, f"register_{PLURALS[role.role]}")(register=register)
    registry.entries = staged.entries


def _hook_fault(error: pluggy.PluginValidationError) -> str:
    known = sorted(name for name in vars(hookspecs) if name.startswith("register_"))
    return f"{str(error).splitlines()[0]}; hooks: {', '.join(known)}"


def _reject_unmarked_hooks(plugin: object, distribution: str) -> None:
    """A function named like a hook but not marked would be ignored in silence: refuse it."""
    for name, part in vars(plugin).items():
        if name.startswith("register_") and inspect.isfunction(part) and not hasattr(part, "dsk_impl"):
            raise PluginError(f"plugin '{distribution}': {name} is not marked; put @dsk.hookimpl above it")


def build_registry(allow: Iterable[str] | None = None) -> Registry:
    """A fresh registry: the built-ins, then every installed plugin (or those in `allow`).

    A plugin that fails is left out whole and named in `problems`. `DSK_DISABLE_PLUGINS` (comma-separated
    distributions, or `all`) leaves plugins out on purpose.
    """
    from dsk import __version__

    registry = Registry()
    for role in ROLES:
        register_plugin(registry, import_module(f"dsk.components.{PLURALS[role.role]}"), BUILTIN, __version__)
    disabled = _disabled()
    if "all" in disabled:
        return registry
    for point, name, version in _plugin_entry_points():
        if name in disabled or (allow is not None and name not in set(allow)):
            continue
        try:
            register_plugin(registry, point.load(), name, version)
        except PluginError as error:
            registry.problems.append(str(error))
        except Exception as error:  # noqa: BLE001 - a stranger's import may raise anything; it must not take dsk down
            fault = f"{type(error).__name__}: {error}".splitlines()[0]
            registry.problems.append(f"plugin '{name}' {version} fails to import ({point.value}): {fault}")
    return registry


@cache
def load_registry() -> Registry:
    """The registry of this process (installed distributions do not change under it)."""
    return build_registry()
