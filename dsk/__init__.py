"""dsk, the DeepSearch Kit: train small reasoning models with tree search inside the training loop."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dsk.core.hookspecs import hookimpl

if TYPE_CHECKING:
    from dsk.core.roles import (
        Advantage,
        Backup,
        Boundary,
        Cache,
        Engine,
        Filter,
        Loss,
        Negative,
        Selector,
        Task,
        Tracker,
        Verifier,
    )
    from dsk.core.rounds import run
    from dsk.core.spec import RunSpec, load_spec

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(
        [
            "Advantage",
            "Backup",
            "Boundary",
            "Cache",
            "Engine",
            "Filter",
            "Loss",
            "Negative",
            "Selector",
            "Task",
            "Tracker",
            "Verifier",
        ],
        "dsk.core.roles",
    ),
    "RunSpec": "dsk.core.spec",
    "load_spec": "dsk.core.spec",
    "run": "dsk.core.rounds",
}

__all__ = [
    "Advantage",
    "Backup",
    "Boundary",
    "Cache",
    "Engine",
    "Filter",
    "Loss",
    "Negative",
    "RunSpec",
    "Selector",
    "Task",
    "Tracker",
    "Verifier",
    "__version__",
    "hookimpl",
    "load_spec",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that `import dsk` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dsk' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
