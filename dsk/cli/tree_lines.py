"""A tree on the terminal: a line a node, as wide as the terminal and no wider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from dsk.core.input.faults import printable

GUIDES = 24
"""Most columns that the branches take; deeper ones lose their beginning."""
STYLES = {"right": "green", "wrong": "red"}


def tree_lines(tree: Mapping[str, Any], width: int) -> Iterator[Text]:
    """The lines of a tree as `tree_data` gives it, its nodes in pre-order, after a line that names the columns.

    `exp` is the node's place in the order of expansion, `select` its score when it was chosen, `Q` its mean value, `N`
    its visits, `H` its entropy, `rated` what a scorer said (only where one did), `end` right or wrong.
    """
    nodes = tree["nodes"]
    order = {choice["node"]: (number, choice["score"]) for number, choice in enumerate(tree["choices"], 1)}
    ends = {end["node"]: "right" if end["correct"] else "wrong" for end in tree["ends"] if not end["probe"]}
    rated = any(score == score for score in nodes["score"])
    head = f"{'exp':>4} {'select':>7} {'Q':>5} {'N':>4} {'H':>5} {'rated  ' if rated else ''}{'end':5} step"
    yield Text(head[:width], style="dim")
    for node, guide in _walk(nodes["parent"]):
        number, score = order.get(node, ("", float("nan")))
        mean = nodes["value"][node] / max(nodes["visits"][node], 1)
        figures = f"{number:>4} {_figure(score, 7, '.3f')} {mean:>+5.2f} {nodes['visits'][node]:>4} "
        figures += f"{nodes['entropy'][node]:>5.2f} "
        figures += f"{_figure(nodes['score'][node], 5, '.2f')}  " if rated else ""
        end = ends.get(node, "")
        text = printable(nodes["text"][node][: 4 * width]) if node else "(the prompt)"
        line = Text((figures + f"{end:5} " + guide + text)[:width])
        line.stylize(STYLES.get(end, "" if node in order or not nodes["terminal"][node] else "dim"))
        yield line


def _figure(value: float, width: int, how: str) -> str:
    return f"{format(value, how) if value == value else '':>{width}}"


def _walk(parent: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Nodes in pre-order, each with its branches before it."""
    below: dict[int, list[int]] = {}
    for node, above in enumerate(parent):
        below.setdefault(above, []).append(node)
    left = [(0, "", "")]
    while left:
        node, guide, stem = left.pop()
        yield node, guide if len(guide) <= GUIDES else "… " + guide[2 - GUIDES :]
        children = below.get(node, [])
        for child in reversed(children):
            last = child == children[-1]
            left.append((child, stem + ("└ " if last else "├ "), stem + ("  " if last else "│ ")))
