"""One problem's search outside a run: its group, its tree, and the page of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsk.core.errors import SpecError
from dsk.core.roles import Known, Setting
from dsk.core.run.files import write_atomically
from dsk.core.run.judged_model import load_judged
from dsk.core.run.ledger import Listener
from dsk.core.run.picking import pick_problem
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.scheduler import Progress, Scheduler
from dsk.core.seeding import derive_seed
from dsk.core.shown_tree import record_html
from dsk.core.spec import RunSpec
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group, Problem
from dsk.treeview.data import prompt_text, tree_data
from dsk.treeview.page import trees_page
from dsk.treeview.rules import rules_of
from dsk.web.fragments import Embedded, block, table

if TYPE_CHECKING:
    from dsk.core.model.policy import Policy


@dataclass(frozen=True)
class Searched:
    """One search: its spec, its policy, its group, and what it is called beside another."""

    spec: RunSpec
    policy: Policy = field(repr=False)
    group: Group = field(repr=False)
    title: str = ""

    @property
    def tree(self) -> TreeRecord:
        """The whole tree. Raises SpecError where the rollout makes none."""
        if self.group.tree is None:
            raise SpecError(
                f"rollout: '{self.spec.rollout.kind}' makes whole responses, of which there is no tree to show; name"
                " 'tree', or another that branches"
            )
        return self.group.tree

    def data(self) -> dict[str, Any]:
        """The tree for the viewer, as JSON data. Raises SpecError where the rollout makes none."""
        decode, pieces = self.policy.decode, self.policy.pieces
        rules = rules_of(self.spec)
        return tree_data(self.tree, self.group.problem, decode, rules, title=self.title, pieces=pieces)

    def page(self, path: str | os.PathLike[str], *beside: Searched) -> Path:
        """Write the tree viewer, one HTML file, with other searches side by side, and return its path."""
        return write_searches(Path(path), [self, *beside])

    def viewer(self, *beside: Searched, height: int = 640) -> Embedded:
        """The tree viewer for a notebook's cell, `height` pixels high; the notebook grows by the viewer's 0.8 MB."""
        return Embedded(searches_page([self, *beside]), height)

    def _repr_html_(self) -> str:
        group = self.group
        right = sum(trajectory.correct for trajectory in group.trajectories)
        counts = (
            f"{right} of {len(group.trajectories)} chosen responses are right, the answer is {group.problem.answer}"
        )
        title = f"Search of problem {group.problem.id}: {counts}"
        tree, decode = group.tree, self.policy.decode
        if tree is None:
            texts = [(decode(found.tokens), "right" if found.correct else "wrong") for found in group.trajectories]
            return block(title, table(("response", "end"), texts, left=2))
        prompt = prompt_text(group.problem)
        return record_html(tree, title, lambda node: decode(tree.step_tokens(node)) if node else prompt)


def search(
    spec: RunSpec,
    problem: str | Problem | None = None,
    *,
    model: str | os.PathLike[str] | None = None,
    policy: Policy | None = None,
    title: str = "",
    listener: Listener | None = None,
) -> Searched:
    """Search one problem as `spec` says: a training problem's id (None is the first), or any problem.

    The policy is the spec's, or that of `model` (as `dsk.evaluate` takes it), or one that an earlier search has loaded.
    Raises DataError for a problem that there is not, ModelError.
    """
    chosen = problem if isinstance(problem, Problem) else pick_problem(spec.task, problem)
    loaded = policy or load_judged(spec.model, model)
    return Searched(spec, loaded, _search(spec, loaded, chosen, listener), title)


def _search(spec: RunSpec, policy: Policy, problem: Problem, listener: Listener | None) -> Group:
    seed = derive_seed(spec.seed, "search", problem.id)
    known = Known(policy.prompt_tokens(problem, spec.prompt))
    shared = (spec.sampling, spec.max_response_tokens, spec.rewards.of, policy.pieces, spec.scorer.active)
    job = spec.rollout.start(problem, known, seed, Setting(*shared, keep_trees=True))

    def progress(found: Progress) -> None:
        if listener is not None:
            listener.progress("search", found)

    with spec.engine.open(policy) as engine, spec.verifier.open() as verifier, spec.scorer.open() as scorer:
        answerers = Answerers(verifier, policy.decode, scorer, spec.engine.repeatable)
        (group,) = Scheduler(engine, answerers, spec.tokens_in_flight, progress).run([job])
    return group


def write_searches(path: Path, searched: Sequence[Searched]) -> Path:
    """Write the trees side by side as a page."""
    write_atomically(path, searches_page(searched).encode())
    return path


def searches_page(searched: Sequence[Searched]) -> str:
    """The trees side by side as HTML."""
    return trees_page(f"Search of problem {searched[0].group.problem.id}", [one.data() for one in searched])
