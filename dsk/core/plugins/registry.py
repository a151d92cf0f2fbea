"""From pluggy hooks to classes: `load_registry()` maps (role, kind) to the component that serves it."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

import pluggy
from packaging.utils import canonicalize_name
from pydantic import ValidationError

from dsk.core.component import Component, did_you_mean
from dsk.core.errors import PluginError, SpecError
from dsk.core.hookspecs import all_hooks, hook_name
from dsk.core.plugins.sources import installed_sources, load_source, one_line, silent_distributions
from dsk.core.roles import ROLES, role_of

BUILTIN = "dsk"
LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A registered component class and the distribution it came from."""

    component: type[Component]
    distribution: str
    version: str


@dataclass
class Registry:
    """Components by role and kind.

    `problems` are plugins that could not be used, one line each, and `broken` their distributions; `left_out` are
    distributions that were not asked.
    """

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict[tuple[str, str], Entry])
    problems: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])
    left_out: list[str] = field(default_factory=list[str])

    def add(self, role: str, component: type[Any], distribution: str, version: str) -> None:
        """Register one class. Raises PluginError on a wrong base, a missing or taken kind, or a bad default."""
        fault = self._fault(role, component)
        if fault:
            raise PluginError(f"plugin '{distribution}': {fault}")
        kind: str = component.kind
        taken = self.entries.get((role, kind))
        if taken:
            raise PluginError(
                f"plugin '{distribution}': {role} '{kind}' ({component.__name__}) is already registered by"
                f" '{taken.distribution}' ({taken.component.__name__}); rename one of the two, or uninstall one"
            )
        self.entries[role, kind] = Entry(component, distribution, version)

    def _fault(self, role: str, component: Any) -> str | None:
        base = role_of(role)
        name = getattr(component, "__name__", repr(component))
        if not (inspect.isclass(component) and issubclass(component, base)):
            return f"{hook_name(base)} got {name}, which is not a subclass of dsk.{base.__name__}"
        if not isinstance(getattr(component, "kind", None), str):
            return f'{name} has no `kind`; set `kind: ClassVar[str] = "..."`'
        if inspect.isabstract(component):
            missing = ", ".join(sorted(component.__abstractmethods__))
            return f"{name} does not implement {missing}"
        return _default_fault(component, self)

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
        """Clauses that name plugins without an effect, for messages about kinds that are not there."""
        clauses = {
            "plugins that failed to load (`dsk plugins check` says why)": self.broken,
            "plugins left out": self.left_out,
            "installed without an entry point in [project.entry-points.dsk]": silent_distributions(),
        }
        return "".join(f"; {clause}: {', '.join(names)}" for clause, names in clauses.items() if names)


def _default_fault(component: type[Component], registry: Registry) -> str | None:
    """What is wrong with the defaults of a component whose fields all have one."""
    if any(info.is_required() for info in component.model_fields.values()):
        return None
    try:
        component.model_validate({}, context={"registry": registry})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or component.__name__
        return f"{component.__name__}'s own default for '{where}' does not validate: {first['msg']}"
    return None


def register_plugin(registry: Registry, plugin: object, distribution: str, version: str) -> None:
    """Run one plugin's hooks into the registry. Raises PluginError, with nothing of the plugin registered."""
    staged = Registry(dict(registry.entries))
    for role, hook in _hooks(plugin, distribution):

        def register(component: type, role: str = role) -> None:
            staged.add(role, component, distribution, version)

        try:
            hook(register=register)
        except PluginError:
            raise
        except Exception as error:
            fault = one_line(error)
            raise PluginError(f"plugin '{distribution}': {hook_name(role_of(role))} raises {fault}") from error
    if len(staged.entries) == len(registry.entries):
        raise PluginError(f"plugin '{distribution}': it registers nothing; call register(YourClass) in the hook")
    registry.entries = staged.entries


def _hooks(plugin: object, distribution: str) -> list[tuple[str, Callable[..., Any]]]:
    """(role, hook) for the hooks that a plugin implements. Raises PluginError for a function that would go unheard."""
    known = {hook_name(role): role.role for role in ROLES}
    for name, part in vars(plugin).items():
        marked = inspect.isfunction(part) and hasattr(part, "dsk_impl")
        if marked and name not in known:
            hint = did_you_mean(name, sorted(known)) or f"; hooks: {', '.join(sorted(known))}"
            raise PluginError(f"plugin '{distribution}': {name} is not a hook{hint}")
        if inspect.isfunction(part) and name.startswith("register_") and not marked:
            raise PluginError(f"plugin '{distribution}': {name} is not marked; put @dsk.hookimpl above it")
    manager = pluggy.PluginManager("dsk")
    manager.add_hookspecs(type("Hooks", (), {**all_hooks()}))
    try:
        manager.register(plugin, name=distribution)
    except pluggy.PluginValidationError:
        raise PluginError(f"plugin '{distribution}': a hook takes exactly one argument, register") from None
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise PluginError(
            f"plugin '{distribution}': it has no hook; write @dsk.hookimpl def register_...(register): one of"
            f" {', '.join(sorted(known))}"
        )
    return [(known[caller.name], caller) for caller in callers]


def build_registry(allow: Iterable[str] | None = None) -> Registry:
    """A fresh registry: the built-ins, then every installed plugin (or those in `allow`).

    A plugin that fails is left out whole and named in `problems`. `DSK_DISABLE_PLUGINS` (comma-separated
    distributions, or `all`) leaves plugins out on purpose. Raises SpecError where `allow` names what is not installed.
    """
    from dsk import __version__

    registry = Registry()
    for role in reversed(ROLES):  # rollouts hold components of other roles, and their defaults are checked
        register_plugin(registry, import_module(f"dsk.components.{role.plural}"), BUILTIN, __version__)
    sources, disabled = list(installed_sources()), _disabled()
    allowed = None if allow is None else _check_allowed(allow, [source.distribution for source in sources])
    for source in sources:
        name = canonicalize_name(source.distribution)
        if {"all", name} & disabled or (allowed is not None and name not in allowed):
            registry.left_out.append(source.distribution)
            continue
        try:
            register_plugin(registry, load_source(source), source.distribution, source.version)
        except PluginError as error:
            registry.problems.append(str(error))
            registry.broken.append(source.distribution)
    return registry


def _disabled() -> set[str]:
    names = os.environ.get("DSK_DISABLE_PLUGINS", "").split(",")
    return {canonicalize_name(name.strip()) for name in names if name.strip()}


def _check_allowed(allow: Iterable[str], installed: list[str]) -> set[str]:
    known = {canonicalize_name(name) for name in installed}
    missing = [name for name in allow if canonicalize_name(name) not in known]
    if missing:
        there = ", ".join(sorted(set(installed))) or "none"
        raise SpecError(f"plugins: '{missing[0]}' is not installed; pip install it, or take it off; installed: {there}")
    return {canonicalize_name(name) for name in allow}


@cache
def load_registry(allow: tuple[str, ...] | None = None) -> Registry:
    """The registry of this process (installed distributions do not change under it), once per allow-list.

    Plugins that cannot be used are logged as warnings, which the command line shows.
    """
    registry = build_registry(allow)
    for problem in registry.problems:
        LOGGER.warning("dsk: %s", problem)
    return registry
