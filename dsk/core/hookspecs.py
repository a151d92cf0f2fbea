"""The plugin surface: one hook per role, named for it. A plugin implements the ones it needs.

import dsk

@dsk.hookimpl
def register_selectors(register):
    register(MySelector)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from dsk.core.component import Component

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker("dsk")
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker("dsk")

Register = Callable[[type], None]
Hook = Callable[[Register], None]


def hook_name(role: type[Component]) -> str:
    """`register_` and the role's plural."""
    return f"register_{role.plural}"


def hook_of(role: type[Component]) -> Hook:
    """The hook of a role, as pluggy wants it: marked, named and documented."""

    def hook(register: Register) -> None:
        """Set below."""

    summary = (inspect.getdoc(role) or "").split("\n\n")[0].replace("\n", " ")
    hook.__name__ = hook.__qualname__ = hook_name(role)
    hook.__doc__ = f"Call `register(cls)` for each {role.__name__}. {summary}"
    return hookspec(hook)


def all_hooks() -> dict[str, Hook]:
    """Every hook by name, in the order of the roles."""
    from dsk.core.roles import ROLES

    return {hook_name(role): hook_of(role) for role in ROLES}
