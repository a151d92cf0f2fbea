"""`dsk search`: one problem's group, and its tree where it has one: on the terminal, as JSON or as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import typer
from rich.text import Text
from rich.tree import Tree

from dsk.cli.terminal import console
from dsk.cli.tree_lines import tree_lines
from dsk.core.input.faults import printable
from dsk.core.sampling.search_tree import ROOT
from dsk.core.spec import RunSpec
from dsk.core.types import Group, Problem
from dsk.treeview.data import prompt_text
from dsk.treeview.searching import Searched, search

STEP_CHARACTERS = 60
MOST = 200


def search_problem(spec: RunSpec, problem_id: str | None, title: str) -> Searched:
    """Search one problem with the spec's policy, and say so meanwhile."""
    with console(stderr=True).status("searching"):
        return search(spec, problem_id, title=title)


def print_search(searched: Searched) -> None:
    """Print a tree, a line a node: order of expansion, selector's score, q, N, H, right or wrong, and the step."""
    group, screen = searched.group, console()
    if group.tree is None:
        screen.print(_draw_group(group, searched.policy.decode), soft_wrap=True)
    else:
        screen.print(_head(group.problem))
        for line in tree_lines(searched.data(), max(screen.width, 40)):
            screen.print(line, no_wrap=True, overflow="crop", crop=True)
    figures = "  ".join(f"{name} {value:g}" for name, value in group.stats.items())
    screen.print(f"answer {group.problem.answer}  solved {group.solved}  {figures}")


def print_json(searched: Sequence[Searched]) -> None:
    """Print the trees as JSON, as the page has them; one object, or a list of several."""
    from dsk.web.page import json_text

    data = [one.data() for one in searched]
    typer.echo(json_text(data[0] if len(data) == 1 else data))


def _draw_group(group: Group, decode: Callable[[np.ndarray], str]) -> Tree:
    drawn = {ROOT: Tree(_head(group.problem))}
    for t in group.trajectories:
        ends = np.cumsum(t.node_lengths) + t.given
        above = ROOT
        for node, start, end in zip(t.node_ids, [t.given, *ends[:-1]], ends, strict=True):
            if node not in drawn:
                style = {True: "green", False: "red"}[t.correct] if end == ends[-1] else ""
                drawn[node] = drawn[above].add(Text(_line(decode(t.tokens[start:end])), style=style))
            above = node
    return drawn[ROOT]


def _head(problem: Problem) -> Text:
    return Text(printable(prompt_text(problem))[:MOST], style="bold")


def _line(text: str) -> str:
    return printable(text)[:STEP_CHARACTERS]
