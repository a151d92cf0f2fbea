"""dsk, the DeepSearch Kit: train small reasoning models with tree search inside the training loop."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dsk.core.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from dsk.compare.comparing import compare_runs, compare_study
    from dsk.compare.comparison import Comparison
    from dsk.compare.evaluating import Evaluated, evaluate
    from dsk.core.component import default_part
    from dsk.core.errors import CacheError, DataError, DskError, EngineError, InterruptedRun, SpecError, VerifierError
    from dsk.core.loading import load_spec
    from dsk.core.model.policy import Policy
    from dsk.core.model.weights import Weights
    from dsk.core.roles import *  # noqa: F403  # the roles are listed once, there
    from dsk.core.rounds import run
    from dsk.core.run.kept_run import Run, load_run
    from dsk.core.run.ledger import Listener, Silent
    from dsk.core.run.notebook import NotebookView
    from dsk.core.sampling.scheduler import Progress
    from dsk.core.spec import (
        EvaluateSpec,
        ModelSpec,
        OptimizerSpec,
        PromptSpec,
        RewardSpec,
        RoundsSpec,
        RunSpec,
        SamplingSpec,
        ScreenSpec,
        TrainSpec,
    )
    from dsk.core.tree_record import TreeRecord
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
    from dsk.report.page import write_report
    from dsk.treeview.searching import Searched, search

__version__ = "0.1.0"

__all__ = [
    "CacheError",
    "CachedSolution",
    "Comparison",
    "Completion",
    "DataError",
    "DskError",
    "EngineError",
    "EngineStats",
    "EvaluateSpec",
    "Evaluated",
    "Group",
    "InterruptedRun",
    "Listener",
    "ModelSpec",
    "NotebookView",
    "OptimizerSpec",
    "Policy",
    "Problem",
    "Progress",
    "PromptSpec",
    "Question",
    "Register",
    "RewardSpec",
    "RoundsSpec",
    "Run",
    "RunSpec",
    "Sample",
    "SampleRequest",
    "SamplingSpec",
    "ScreenSpec",
    "Searched",
    "Silent",
    "SpecError",
    "Terminal",
    "TrainSpec",
    "Trajectory",
    "TreeRecord",
    "Verdict",
    "VerifierError",
    "Weights",
    "__version__",
    "compare_runs",
    "compare_study",
    "default_part",
    "evaluate",
    "hookimpl",
    "load_run",
    "load_spec",
    "run",
    "search",
    "write_report",
]

if TYPE_CHECKING:
    from dsk.core import roles

    __all__ += roles.__all__  # so that a type checker takes them for public too

_HOMES = {
    name: f"dsk.{module}"
    for module, names in {
        "compare.comparing": "compare_runs compare_study",
        "compare.comparison": "Comparison",
        "compare.evaluating": "Evaluated evaluate",
        "core.component": "default_part",
        "core.errors": "CacheError DataError DskError EngineError InterruptedRun SpecError VerifierError",
        "core.loading": "load_spec",
        "core.model.policy": "Policy",
        "core.model.weights": "Weights",
        "core.rounds": "run",
        "core.run.kept_run": "Run load_run",
        "core.run.ledger": "Listener Silent",
        "core.run.notebook": "NotebookView",
        "core.sampling.scheduler": "Progress",
        "core.spec": "EvaluateSpec ModelSpec OptimizerSpec PromptSpec RewardSpec RoundsSpec RunSpec SamplingSpec"
        " ScreenSpec TrainSpec",
        "core.tree_record": "TreeRecord",
        "core.types": "CachedSolution Completion EngineStats Group Problem Question Sample SampleRequest"
        " Terminal Trajectory Verdict",
        "report.page": "write_report",
        "treeview.searching": "Searched search",
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
