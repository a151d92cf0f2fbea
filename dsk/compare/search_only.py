"""Search without training: every hard problem's tree on the starting policy (the paper's Table 3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dsk.compare.runs import SEARCH_FILE, read_trees
from dsk.core.run.folder import open_folder
from dsk.core.run.ledger import Listener
from dsk.core.run.records import append_jsonl, drop_torn_line
from dsk.core.run.session import Session
from dsk.core.run.stored_groups import step_file, write_groups
from dsk.core.run.stored_trees import TREES, write_trees
from dsk.core.spec import RunSpec
from dsk.core.types import Group, Problem

TREES_AT_ONCE = 32


def search_only(
    spec: RunSpec, folder: Path, *, resume: bool, listener: Listener, should_stop: Callable[[], bool]
) -> None:
    """Search the problems that screening finds hard; one row a tree in `search.jsonl`, continued where it stops.

    `trees/` holds what `spec.keep` says, in files that are numbered by the trees before them.

    `seconds` of a tree is its share, by expansions, of the wall-clock time of the trees that ran beside it.
    """
    place = open_folder(spec, folder, resume)
    with place.status(), Session(spec, folder, listener, should_stop) as session:
        path = folder / SEARCH_FILE
        drop_torn_line(path)
        done = {row.id for row in read_trees(folder)}
        todo = [problem for problem in hard_problems(session) if problem.id not in done]
        for start in range(0, len(todo), TREES_AT_ONCE):
            _search(session, todo[start : start + TREES_AT_ONCE], path)


def hard_problems(session: Session) -> list[Problem]:
    """Training problems whose Pass1@K is under the bound; all of them, unscreened, where the bound is 1."""
    problems = list(session.parts.train.problems.values())
    if session.is_hard(1.0):
        return problems
    rates = session.sampling.screen(
        session.parts.train, problems, session.folder / "rounds" / "0" / "screen.jsonl", "screen", 0
    )
    return [p for p in problems if session.is_hard(rates[p.id].rate)]


def _search(session: Session, problems: Sequence[Problem], path: Path) -> None:
    first = len(read_trees(session.folder))
    started = time.perf_counter()
    groups, _ = session.sampling.run(
        "search", [session.sampling.job(problem, 0, 0, replay=False) for problem in problems]
    )
    seconds = time.perf_counter() - started
    place = step_file(session.folder, first)
    place.parent.mkdir(exist_ok=True)
    write_groups(place, groups)
    if session.spec.keep == "trees":
        write_trees(step_file(session.folder, first, TREES), groups)
    append_jsonl(path, _rows(groups, seconds))


def _rows(groups: Sequence[Group], seconds: float) -> Iterator[dict[str, Any]]:
    expansions = sum(group.stats["expansions"] for group in groups)
    for group in groups:
        share = group.stats["expansions"] / expansions if expansions else 1 / len(groups)
        yield {"id": group.problem.id, "solved": float(group.solved), "seconds": seconds * share, **group.stats}
