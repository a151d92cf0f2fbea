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
    from dsk.core.roles import (
        Adjustment,
        Advantage,
        Backup,
        Boundary,
        Cache,
        CacheSession,
        Engine,
        EngineSession,
        Filter,
        ForestView,
        ForkRule,
        Job,
        Known,
        Loss,
        LossInputs,
        LossOutput,
        MiniBatch,
        Negative,
        Rollout,
        Scorer,
        ScorerSession,
        Selector,
        Setting,
        Solution,
        Subset,
        Task,
        Tracker,
        TrackerSession,
        TreeView,
        Verifier,
        VerifierSession,
    )
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
    "Adjustment",
    "Advantage",
    "Backup",
    "Boundary",
    "Cache",
    "CacheError",
    "CacheSession",
    "CachedSolution",
    "Completion",
    "DataError",
    "DskError",
    "Engine",
    "EngineError",
    "EngineSession",
    "EngineStats",
    "Filter",
    "ForestView",
    "ForkRule",
    "Group",
    "InterruptedRun",
    "Job",
    "Known",
    "Loss",
    "LossInputs",
    "LossOutput",
    "MiniBatch",
    "Negative",
    "Policy",
    "Problem",
    "Question",
    "Register",
    "Rollout",
    "Run",
    "RunSpec",
    "Sample",
    "SampleRequest",
    "Scorer",
    "ScorerSession",
    "Selector",
    "Setting",
    "Solution",
    "SpecError",
    "Subset",
    "Task",
    "Terminal",
    "Tracker",
    "TrackerSession",
    "Trajectory",
    "TreeView",
    "Verdict",
    "Verifier",
    "VerifierError",
    "VerifierSession",
    "__version__",
    "default_part",
    "hookimpl",
    "load_spec",
    "run",
]

_HOMES = {
    name: f"dsk.core.{module}"
    for module, names in {
        "component": "default_part",
        "errors": "CacheError DataError DskError EngineError InterruptedRun SpecError VerifierError",
        "model.policy": "Policy",
        "roles": "Adjustment Advantage Backup Boundary Cache CacheSession Engine EngineSession Filter ForestView"
        " ForkRule Job Known Loss LossInputs LossOutput MiniBatch Negative Rollout Scorer ScorerSession Selector"
        " Setting Solution Subset Task Tracker TrackerSession TreeView Verifier VerifierSession",
        "rounds": "Run run",
        "spec": "RunSpec",
        "loading": "load_spec",
        "types": "CachedSolution Completion EngineStats Group Problem Question Sample SampleRequest"
        " Terminal Trajectory Verdict",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that `import dsk` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dsk' has no attribute '{name}'")
    globals()[name] = found = getattr(import_module(_HOMES[name]), name)
    return found
