"""One abstract class per role. Subclass one, set `kind`, and register it.

Stateless roles (selector, backup, negative, subset, advantage, adjustment, loss, filter) are pure functions of their
arguments; an RNG is an argument. Stateful ones (engine, cache, tracker, verifier) are specs whose `open(...)` returns a
context manager.
`ROLES` is the list of roles: the registry, specs' schema, scaffolds, plans, reports and docs derive from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsk.core.component import Component
from dsk.core.roles.judging import Filter, HeadFields, Scorer, ScorerSession, Verifier, VerifierSession
from dsk.core.roles.rollout import Failure, Job, Known, Rollout, Setting, Solution
from dsk.core.roles.running import Cache, CacheSession, Engine, EngineSession, Task, Tracker, TrackerSession
from dsk.core.roles.search import Backup, Boundary, ForestView, ForkRule, Negative, Selector, TreeView, added
from dsk.core.roles.training import Adjustment, Advantage, Loss, LossInputs, LossOutput, MiniBatch, Subset

ROLES: tuple[type[Component], ...] = (
    Rollout, ForkRule, Selector, Boundary, Backup, Negative, Subset, Advantage, Adjustment, Loss, Verifier, Scorer,
    Filter, Cache, Engine, Task, Tracker,
)  # fmt: skip


def role_of(name: str) -> type[Component]:
    """The role with this name. Raises StopIteration where there is none."""
    return next(role for role in ROLES if role.role == name)


def role_names() -> Iterator[str]:
    """Every role's name, in the order of the data flow."""
    return (role.role for role in ROLES)


__all__ = [
    "ROLES", "Adjustment", "Advantage", "Backup", "Boundary", "Cache", "CacheSession", "Engine", "EngineSession",
    "Failure", "Filter", "ForestView", "ForkRule", "HeadFields", "Job", "Known", "Loss", "LossInputs", "LossOutput",
    "MiniBatch",
    "Negative", "Rollout", "Scorer", "ScorerSession", "Selector", "Setting", "Solution", "Subset", "Task", "Tracker",
    "TrackerSession", "TreeView", "Verifier", "VerifierSession", "added", "role_names", "role_of",
]  # fmt: skip
