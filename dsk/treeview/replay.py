"""A kept tree grown once more: its numbers at every expansion, and the terms of what was chosen by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from dsk.core.roles import added
from dsk.core.sampling.open_nodes import OpenNodes
from dsk.core.sampling.search_tree import ROOT, SearchTree
from dsk.core.sampling.uct import uct_terms
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Sample
from dsk.treeview.rules import Rules

if TYPE_CHECKING:
    from jaxtyping import Float, Int

How = Literal["root", "siblings", "frontier", "descent"]
EXACT = 1e-9
"""Relative difference from the recorded score up to which a replayed one is the same."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Nodes [A] that were to choose from, and the terms of each one's score [A], by name."""

    nodes: Int[np.ndarray, " A"]
    terms: dict[str, Float[np.ndarray, " A"]]

    @property
    def scores(self) -> Float[np.ndarray, " A"]:
        """The sums of the terms."""
        return added(self.terms)


@dataclass(frozen=True, eq=False)
class Choice:
    """One expansion: the node, how it was chosen, and among which others.

    `asked` has one entry, or for a descent one a level; none where the scores cannot be had again: the selector drew
    random numbers (`drawn`), or what comes out is not what the search recorded (`differs`).
    """

    node: int
    how: How
    asked: tuple[Asked, ...] = ()
    drawn: bool = False
    differs: bool = False


@dataclass(frozen=True, eq=False)
class Moment:
    """The tree when a choice was made; the last one, without a choice, is the finished tree.

    `visits` and `value` [M] are the numbers of the nodes [M] `changed` since the moment before.
    """

    choice: Choice | None
    changed: Int[np.ndarray, " M"]
    visits: Int[np.ndarray, " M"]
    value: Float[np.ndarray, " M"]


@dataclass
class _Numbers:
    """Visits and values as they were told last."""

    visits: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    value: np.ndarray = field(default_factory=lambda: np.zeros(0))


def replay(
    record: TreeRecord, rules: Rules, pieces: Callable[[Sequence[int]], list[str]] | None = None
) -> Iterator[Moment]:
    """The moments of a tree's growth, one for each expansion and one at its end.

    An end was backed up where the record counts a visit to it: only that is asked of the record's final numbers.
    """
    tree = SearchTree(rules.max_depth, record.step_tokens(ROOT).tolist(), pieces)
    rewards = dict(zip(record.verified.tolist(), record.rewards.tolist(), strict=True))
    frontier, told = OpenNodes(tree, rules.selector), _Numbers()
    for number, node in enumerate(record.order.tolist()):
        yield _moment(tree, told, _choice(record, number, tree, frontier, rules))
        children = _grow(tree, record, node)
        frontier.add_children(node, children, _unused())
        frontier.prune([child for child in children if not tree.terminal[child]], rules.prune_below)
        for end in (child for child in children if child in rewards and record.visits[child]):
            _back_up(tree, frontier, end, rewards[end], rules)
    yield _moment(tree, told, None)


def _unused() -> np.random.Generator:
    return np.random.default_rng(0)


def _grow(tree: SearchTree, record: TreeRecord, node: int) -> range:
    children = np.flatnonzero(record.parent == node).tolist()
    grown = tree.expand(node, [_sample(record, child) for child in children], 1 << 62)
    span = slice(grown.start, grown.stop)
    tree.terminal[span] = record.terminal[span]
    tree.visits[span] = ~record.terminal[span]
    tree.score[span] = record.score[span]
    return grown


def _sample(record: TreeRecord, node: int) -> Sample:
    span = slice(int(record.token_ends[node - 1]), int(record.token_ends[node]))
    return Sample(tuple(record.tokens[span].tolist()), tuple(record.logprobs[span].tolist()), record.stops[node], 0)


def _back_up(tree: SearchTree, frontier: OpenNodes, end: int, reward: float, rules: Rules) -> None:
    path = tree.path(end)
    decay = np.maximum(np.arange(1, len(path) + 1) / len(path), rules.gamma_min)
    tree.value[path] = rules.backup.update(tree.value[path], tree.visits[path], reward, decay)
    tree.visits[path] += 1
    frontier.values_changed(path, _unused())


def _moment(tree: SearchTree, told: _Numbers, choice: Choice | None) -> Moment:
    grown = tree.size - len(told.visits)
    before = (np.append(told.visits, np.full(grown, -1)), np.append(told.value, np.zeros(grown)))
    changed = np.flatnonzero((tree.visits != before[0]) | (tree.value != before[1]))
    told.visits, told.value = tree.visits.copy(), tree.value.copy()
    return Moment(choice, changed, told.visits[changed], told.value[changed])


def _choice(record: TreeRecord, number: int, tree: SearchTree, frontier: OpenNodes, rules: Rules) -> Choice:
    node, rng = int(record.order[number]), _unused()
    if node == ROOT:
        return Choice(node, "root")
    how, asked = _asked(record, number, tree, frontier, rules, rng)
    if rng.bit_generator.state != _unused().bit_generator.state:
        return Choice(node, how, drawn=True)
    if not _agrees(asked[-1], node, float(record.choice_score[number])):
        return Choice(node, how, differs=True)
    return Choice(node, how, asked)


def _asked(
    record: TreeRecord,
    number: int,
    tree: SearchTree,
    frontier: OpenNodes,
    rules: Rules,
    rng: np.random.Generator,
) -> tuple[How, tuple[Asked, ...]]:
    node, last = int(record.order[number]), int(record.order[number - 1])
    selector = rules.selector
    if _went_on(record, tree, node, last):
        siblings = np.asarray([child for child in tree.children(last) if not tree.pruned[child]])
        return "siblings", (Asked(siblings, uct_terms(tree, siblings, rules.exploration)),)
    if selector.mode == "descend":
        levels = [_open(tree.children(above), frontier) for above in tree.path(node)[:-1]]
        return "descent", tuple(Asked(level, selector.terms(tree, level, rng)) for level in levels)
    nodes = np.asarray(frontier.nodes())
    return "frontier", (Asked(nodes, selector.terms(tree, nodes, rng)),)


def _went_on(record: TreeRecord, tree: SearchTree, node: int, last: int) -> bool:
    """Whether the search chose by UCT among the children it had just made: none of them ended a response."""
    children = tree.children(last)
    return node in children and not record.terminal[children.start : children.stop].any()


def _open(children: range, frontier: OpenNodes) -> np.ndarray:
    return np.asarray([child for child in children if frontier.is_open(child)])


def _agrees(asked: Asked, node: int, recorded: float) -> bool:
    """Whether the node has the recorded score, and no other a higher one."""
    scores = asked.scores
    (place,) = np.flatnonzero(asked.nodes == node)
    same = np.isclose(scores[place], recorded, rtol=EXACT, atol=EXACT)
    return bool(same and scores.max() <= scores[place] + EXACT * max(1.0, abs(recorded)))
