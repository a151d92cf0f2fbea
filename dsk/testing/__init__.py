"""What a plugin author's tests are built from: contract suites, one per role, and the golden replay.

Subclass the suite of your component's role, say how to make the component, and pytest runs the properties.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dsk.testing.adjustment import AdjustmentContract
    from dsk.testing.advantage import AdvantageContract
    from dsk.testing.backup import BackupContract
    from dsk.testing.boundary import BoundaryContract
    from dsk.testing.cache import CacheContract
    from dsk.testing.component import ComponentContract
    from dsk.testing.engine import EngineContract
    from dsk.testing.filter import FilterContract
    from dsk.testing.fork import ForkRuleContract
    from dsk.testing.loss import LossContract
    from dsk.testing.negative import NegativeContract
    from dsk.testing.rollout import RolloutContract
    from dsk.testing.scorer import ScorerContract
    from dsk.testing.selector import SelectorContract
    from dsk.testing.subset import SubsetContract
    from dsk.testing.task import TaskContract
    from dsk.testing.tracker import TrackerContract
    from dsk.testing.verifier import VerifierContract

_HOMES = {
    "AdjustmentContract": "adjustment",
    "AdvantageContract": "advantage",
    "BackupContract": "backup",
    "BoundaryContract": "boundary",
    "CacheContract": "cache",
    "ComponentContract": "component",
    "EngineContract": "engine",
    "FilterContract": "filter",
    "ForkRuleContract": "fork",
    "LossContract": "loss",
    "NegativeContract": "negative",
    "RolloutContract": "rollout",
    "ScorerContract": "scorer",
    "SelectorContract": "selector",
    "SubsetContract": "subset",
    "TaskContract": "task",
    "TrackerContract": "tracker",
    "VerifierContract": "verifier",
}

__all__ = [
    "AdjustmentContract",
    "AdvantageContract",
    "BackupContract",
    "BoundaryContract",
    "CacheContract",
    "ComponentContract",
    "EngineContract",
    "FilterContract",
    "ForkRuleContract",
    "LossContract",
    "NegativeContract",
    "RolloutContract",
    "ScorerContract",
    "SelectorContract",
    "SubsetContract",
    "TaskContract",
    "TrackerContract",
    "VerifierContract",
]

# so that a failed property shows the values it compared, as it would in the author's own test file
pytest.register_assert_rewrite(*(f"dsk.testing.{home}" for home in sorted(set(_HOMES.values()))))


def __getattr__(name: str) -> Any:
    """Load a suite on first use, so that a selector's tests do not import torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dsk.testing' has no attribute '{name}'")
    return getattr(import_module(f"dsk.testing.{_HOMES[name]}"), name)
