"""A tree as a notebook shows it: a line a node, indented by depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.input.faults import shortened
from dsk.core.sampling.search_tree import SearchTree
from dsk.core.tree_record import TreeRecord
from dsk.web.fragments import Cell, block, table

if TYPE_CHECKING:
    from jaxtyping import Int

MOST = 80
"""Lines of a tree that are shown; a page has them all."""
STEP_CHARACTERS = 100
HEADS = ("step", "expanded", "select", "q", "N", "H", "end")


def record_html(record: TreeRecord, title: str, text: Callable[[int], str] | None = None) -> str:
    """A finished tree: when each node was expanded and under which score, q, N, H, and what the verifier said."""
    order = {node: number for number, node in enumerate(record.order.tolist())}
    ends = dict(zip(record.verified.tolist(), record.correct.tolist(), strict=True))
    tokens = np.diff(record.token_ends, prepend=0)
    shown, left_out = _shown(record.parent, record.visits, [node for node, right in ends.items() if right])

    def row(node: int, depth: int) -> tuple[Cell, ...]:
        number = order.get(node)
        expanded = ("", "") if number is None else (str(number + 1), _figure(record.choice_score[number]))
        end = {None: "", True: "right", False: "wrong"}[ends.get(node)]
        told = text(node) if text else f"{tokens[node]} tokens"
        return _line(told, depth, expanded, (record.value[node], record.visits[node], record.entropy[node]), end)

    return _tree_html(title, record.parent, shown, row, left_out)


def search_html(tree: SearchTree) -> str:
    """A tree that may still grow: q, N, H; the mean reward of what was verified below each node is its end."""
    shown, left_out = _shown(tree.parent, tree.visits, [])

    def row(node: int, depth: int) -> tuple[Cell, ...]:
        told = tree.text(node) if tree.has_texts else f"{len(tree.step_tokens(node))} tokens"
        end = f"{tree.mean_reward[node]:+.2f}" if tree.terminal[node] else ""
        expanded = ("yes" if tree.expanded[node] else "", "")
        return _line(told, depth, expanded, (tree.value[node], tree.visits[node], tree.entropy[node]), end)

    title = f"Tree of {tree.size} nodes, {int(tree.terminal.sum())} of them ends"
    return _tree_html(title, tree.parent, shown, row, left_out)


def _line(text: str, depth: int, expanded: tuple[str, str], figures: Sequence[float], end: str) -> tuple[Cell, ...]:
    value, visits, entropy = figures
    tone = end if end in ("right", "wrong") else ""
    step = Cell(shortened(text, STEP_CHARACTERS), indent=depth, tone=tone)
    numbers = (Cell(_figure(value)), Cell(str(visits)), Cell(_figure(entropy)))
    return (step, *map(Cell, expanded), *numbers, Cell(end, bold=bool(end), tone=tone))


def _figure(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def _tree_html(
    title: str,
    parent: Int[np.ndarray, " N"],
    shown: set[int],
    row: Callable[[int, int], tuple[Cell, ...]],
    left_out: int,
) -> str:
    below: Mapping[int, list[int]] = {}
    below = {node: [] for node in range(-1, len(parent))}
    for node in sorted(shown):
        below[int(parent[node])].append(node)
    rows: list[tuple[Cell, ...]] = []
    waiting = [(node, 0) for node in below[-1]]
    while waiting:
        node, depth = waiting.pop()
        rows.append(row(node, depth))
        waiting += [(child, depth + 1) for child in reversed(below[node])]
    chosen = f"{left_out} nodes are not shown: those to right answers and the most visited stand here"
    return block(title, table(HEADS, rows), notes=[chosen] if left_out else [])


def _shown(parent: Int[np.ndarray, " N"], visits: Int[np.ndarray, " N"], right: Sequence[int]) -> tuple[set[int], int]:
    """At most about `MOST` nodes with all their ancestors, and how many are left out."""
    ranked = [*right, *np.argsort(-visits, kind="stable").tolist()]
    found: set[int] = set()
    for node in ranked:
        if len(found) >= MOST:
            break
        while node >= 0 and node not in found:
            found.add(node)
            node = int(parent[node])
    return found, len(parent) - len(found)
