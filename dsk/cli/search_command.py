"""`dsk search`: one problem's group, and its tree where it has one, on the terminal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rich.text import Text
from rich.tree import Tree

from dsk.cli.terminal import console
from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.core.model.policy import Policy, load_policy
from dsk.core.roles import Job, Known, Setting
from dsk.core.run.picking import pick_problem
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.scheduler import Scheduler
from dsk.core.sampling.search_tree import ROOT
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec
from dsk.core.types import Group, Problem

STEP_CHARACTERS = 60


def print_search(spec: RunSpec, problem_id: str | None) -> None:
    """Search one problem and print its tree: value, visits, entropy, score (where rated) and text of every step."""
    problem = pick_problem(spec.task, problem_id)
    policy = load_policy(spec.model)
    job, group = _search(spec, policy, problem)
    screen = console()
    drawn = _draw_tree(job, policy.decode) if isinstance(job, TreeSearch) else _draw_group(group, policy.decode)
    screen.print(drawn, soft_wrap=True)
    figures = "  ".join(f"{name} {value:g}" for name, value in group.stats.items())
    screen.print(f"answer {problem.answer}  solved {group.solved}  {figures}", soft_wrap=True)


def _search(spec: RunSpec, policy: Policy, problem: Problem) -> tuple[Job, Group]:
    seed = derive_seed(spec.seed, "search", problem.id)
    known = Known(policy.prompt_tokens(problem, spec.prompt))
    shared = (spec.sampling, spec.max_response_tokens, spec.rewards.of, policy.pieces, spec.scorer.active)
    job = spec.rollout.start(problem, known, seed, Setting(*shared))
    with (
        spec.engine.open(policy) as engine,
        spec.verifier.open() as verifier,
        spec.scorer.open() as scorer,
        console().status("searching"),
    ):
        answerers = Answerers(verifier, policy.decode, scorer, spec.engine.repeatable)
        (group,) = Scheduler(engine, answerers, spec.tokens_in_flight).run([job])
    return job, group


def _draw_tree(search: TreeSearch, decode: Callable[[np.ndarray], str]) -> Tree:
    tree, verdicts = search.tree, {item.node: item.correct for item in search.recorded}
    drawn = {ROOT: _head(search.problem)}
    for node in range(1, tree.size):
        text = decode(np.asarray(tree.step_tokens(node)))
        figures = f"q {tree.value[node]:+.2f}  N {tree.visits[node]}  H {tree.entropy[node]:.2f}  "
        figures += f"score {tree.score[node]:.2f}  " if not np.isnan(tree.score[node]) else ""
        style = _style(verdicts.get(node), "dim" if tree.terminal[node] else "")
        drawn[node] = drawn[int(tree.parent[node])].add(Text(figures + _line(text), style=style))
    return drawn[ROOT]


def _draw_group(group: Group, decode: Callable[[np.ndarray], str]) -> Tree:
    drawn = {ROOT: _head(group.problem)}
    for t in group.trajectories:
        ends = np.cumsum(t.node_lengths) + t.given
        above = ROOT
        for node, start, end in zip(t.node_ids, [t.given, *ends[:-1]], ends, strict=True):
            if node not in drawn:
                style = _style(t.correct if end == ends[-1] else None, "")
                drawn[node] = drawn[above].add(Text(_line(decode(t.tokens[start:end])), style=style))
            above = node
    return drawn[ROOT]


def _head(problem: Problem) -> Tree:
    return Tree(Text(str(problem.prompt)[:STEP_CHARACTERS], style="bold"))


def _line(text: str) -> str:
    return text.replace("\n", "\\n")[:STEP_CHARACTERS]


def _style(correct: bool | None, otherwise: str) -> str:
    return {True: "green", False: "red", None: otherwise}[correct]
