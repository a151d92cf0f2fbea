"""What a search went by, as far as a replay of its tree needs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsk.components.rollouts.prefix import Prefix
from dsk.components.rollouts.tree import Tree
from dsk.core.roles import Backup, Rollout, Selector
from dsk.core.spec import RunSpec


@dataclass(frozen=True)
class Rules:
    """The rules of a tree's choices and backups, named as the rollout `tree` names them."""

    selector: Selector
    backup: Backup
    exploration: float
    gamma_min: float
    max_depth: int
    max_response_tokens: int
    prune_below: float = 0.0


def rules_of(spec: RunSpec) -> Rules | None:
    """The rules of the trees that a spec's rollouts grow; None where none does, or two of them differ in theirs."""
    places = [spec.rollout, *([] if spec.replay is None else [spec.replay])]
    found = [_rules(tree, spec.max_response_tokens) for place in places for tree in _trees(place)]
    return found[0] if found and all(rules == found[0] for rules in found) else None


def _trees(rollout: Rollout) -> Iterator[Tree]:
    if isinstance(rollout, Tree):
        yield rollout
    elif isinstance(rollout, Prefix):
        yield from _trees(rollout.rollout)


def _rules(tree: Tree, limit: int) -> Rules:
    shared = (tree.selector, tree.backup, tree.exploration, tree.gamma_min, tree.max_depth)
    return Rules(*shared, limit, tree.prune_below)
