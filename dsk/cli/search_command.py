"""`dsk search`: one problem's group, and its tree where it has one: on the terminal, as JSON or as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.text import Text
from rich.tree import Tree

from dsk.cli.terminal import console
from dsk.cli.tree_lines import tree_lines
from dsk.core.errors import SpecError
from dsk.core.input.faults import printable
from dsk.core.model.policy import Policy, load_policy
from dsk.core.roles import Known, Setting
from dsk.core.run.picking import pick_problem
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.scheduler import Scheduler
from dsk.core.sampling.search_tree import ROOT
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec
from dsk.core.types import Group, Problem
from dsk.treeview import rules_of, tree_data, trees_page
from dsk.treeview.data import prompt_text

STEP_CHARACTERS = 60
MOST = 200


@dataclass(frozen=True)
class Searched:
    """One search: its spec, its policy's texts, its group, and what it is called beside another."""

    spec: RunSpec
    policy: Policy
    group: Group
    title: str

    def data(self) -> dict[str, Any]:
        """The tree for the viewer. Raises SpecError where the rollout has none."""
        if self.group.tree is None:
            raise SpecError(
                f"rollout: '{self.spec.rollout.kind}' makes whole responses, of which there is no tree to show; name"
                " 'tree', or another that branches"
            )
        decode, pieces = self.policy.decode, self.policy.pieces
        rules = rules_of(self.spec)
        return tree_data(self.group.tree, self.group.problem, decode, rules, title=self.title, pieces=pieces)


def search_problem(spec: RunSpec, problem_id: str | None, title: str) -> Searched:
    """Search one problem with the spec's policy."""
    problem = pick_problem(spec.task, problem_id)
    policy = load_policy(spec.model)
    return Searched(spec, policy, _search(spec, policy, problem), title)


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


def write_searches(path: Path, searched: Sequence[Searched]) -> None:
    """Write the trees side by side as a page."""
    from dsk.core.run.files import write_atomically

    trees = [one.data() for one in searched]
    title = f"Search of problem {searched[0].group.problem.id}"
    write_atomically(path, trees_page(title, trees).encode())


def _search(spec: RunSpec, policy: Policy, problem: Problem) -> Group:
    seed = derive_seed(spec.seed, "search", problem.id)
    known = Known(policy.prompt_tokens(problem, spec.prompt))
    shared = (spec.sampling, spec.max_response_tokens, spec.rewards.of, policy.pieces, spec.scorer.active)
    job = spec.rollout.start(problem, known, seed, Setting(*shared, keep_trees=True))
    with (
        spec.engine.open(policy) as engine,
        spec.verifier.open() as verifier,
        spec.scorer.open() as scorer,
        console(stderr=True).status("searching"),
    ):
        answerers = Answerers(verifier, policy.decode, scorer, spec.engine.repeatable)
        (group,) = Scheduler(engine, answerers, spec.tokens_in_flight).run([job])
    return group


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
