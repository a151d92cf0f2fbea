"""What a plugin author's tests are built from: contract suites, one per role, and the golden replay.

Subclass the suite of your component's role, say how to make the component, and pytest runs the properties.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from dsk.core.roles import ROLES

_HOMES = {"ComponentContract": "component"} | {f"{role.__name__}Contract": role.role for role in ROLES}

__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]  # one for each role

# so that a failed property shows the values it compared, as it would in the author's own test file
pytest.register_assert_rewrite(*(f"dsk.testing.{home}" for home in sorted(set(_HOMES.values()))))


def __getattr__(name: str) -> Any:
    """Load a suite on first use, so that a selector's tests do not import torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dsk.testing' has no attribute '{name}'")
    return getattr(import_module(f"dsk.testing.{_HOMES[name]}"), name)
