"""dsk, the DeepSearch Kit: train small reasoning models with tree search inside the training loop."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dsk.core.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from dsk.core.component import default_part
    from dsk.core.errors import CacheError, DataError, DskError, EngineError, InterruptedRun, SpecError, VerifierError
    from dsk.core.loading import load_spec
    from dsk.core.model.policy import Policy
    from dsk.core.model.weights import Weights
    from dsk.core.roles import *  # noqa: F403  # the roles are listed once, there
    from dsk.core.rounds import Run, run
    from dsk.core.spec import RunSpec
    from dsk.core.types import (
        CachedSolution,
        Completion,
        EngineStats,
        Group,
        Problem,
        Question,
        Sample,
        SampleRequest,
        Terminal,
        Trajectory,
        Verdict,
    )

__version__ = "0.1.0"

__all__ = [
    "CacheError",
    "CachedSolution",
    "Completion",
    "DataError",
    "DskError",
    "EngineError",
    "EngineStats",
    "Group",
    "InterruptedRun",
    "Policy",
    "Problem",
    "Question",
    "Register",
    "Run",
    "RunSpec",
    "Sample",
    "SampleRequest",
    "SpecError",
    "Terminal",
    "Trajectory",
    "Verdict",
    "VerifierError",
    "Weights",
    "__version__",
    "default_part",
    "hookimpl",
    "load_spec",
    "run",
]

if TYPE_CHECKING:
    from dsk.core import roles

    __all__ += roles.__all__  # so that a type checker takes them for public too

_HOMES = {
    name: f"dsk.core.{module}"
    for module, names in {
        "component": "default_part",
        "errors": "CacheError DataError DskError EngineError InterruptedRun SpecError VerifierError",
        "model.policy": "Policy",
        "model.weights": "Weights",
        "rounds": "Run run",
        "spec": "RunSpec",
        "loading": "load_spec",
        "types": "CachedSolution Completion EngineStats Group Problem Question Sample SampleRequest"
        " Terminal Trajectory Verdict",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that `import dsk` stays light. The roles' names are those of their room."""
    home = _HOMES.get(name)
    if home is None and not name.startswith("_") and name in import_module("dsk.core.roles").__all__:
        home = "dsk.core.roles"
    if home is None:
        raise AttributeError(f"module 'dsk' has no attribute '{name}'")
    globals()[name] = found = getattr(import_module(home), name)
    return found
