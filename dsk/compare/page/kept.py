"""What runs kept of problems: a right and a wrong answer of every arm, and whole trees where the spec keeps them.

Of each arm one run is read, from its last step back, so that a page stays one that can be sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dsk.compare.arms import Arm
from dsk.compare.runs import RunRecord
from dsk.core.errors import DamagedFileError, ModelError
from dsk.core.model.tokenizers import Texts
from dsk.core.run.stored_groups import group_files, read_groups
from dsk.core.run.stored_trees import TREES
from dsk.core.types import Group
from dsk.report.examples import example_of, prompt_text
from dsk.treeview.run_page import RunTrees
from dsk.treeview.run_trees import KeptTree, kept_trees
from dsk.web.page import json_text

OPENED = 60
"""Problems whose answers a page holds."""
TEXT = 1200
BYTES = 8 << 20
"""Of group files that are read of one run."""
TREE_BYTES = 4 << 20
"""Of kept trees on a page."""

Found = dict[str, tuple[int, Group]]
"""Problem to the last step that had it, and its group."""


@dataclass
class Kept:
    """By problem: what it asks with its reference, answers by arm, trees in the arms' order; by arm: which seed's.

    `untold` says why texts are missing that runs kept.
    """

    asked: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    examples: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    trees: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    seeds: dict[str, int] = field(default_factory=dict[str, int])
    untold: str = ""


def read_kept(arms: Sequence[Arm]) -> Kept:
    """Answers and trees of the problems that most arms kept; a damaged file or a lost tokenizer is `untold`."""
    runs = {arm.name: run for arm in arms if (run := _with_groups(arm))}
    kept = Kept(seeds={name: run.seed for name, run in runs.items()})
    try:
        _fill(kept, runs)
    except (DamagedFileError, ModelError) as error:
        kept.untold = str(error)
    return kept


def _fill(kept: Kept, runs: Mapping[str, RunRecord]) -> None:
    groups = {name: _last_groups(run) for name, run in runs.items()}
    for found in groups.values():
        kept.asked |= {name: (prompt_text(g.problem), g.problem.answer) for name, (_, g) in found.items()}
    shared = _shared(groups)
    for name, found in groups.items():
        _add_examples(kept, name, found, shared[:OPENED], Texts(_tokenizer(runs[name])))
    kept.trees = _trees(runs, shared)


def _add_examples(kept: Kept, arm: str, found: Found, problems: Sequence[str], texts: Texts) -> None:
    for problem in problems:
        if problem in found:
            step, group = found[problem]
            kept.examples.setdefault(problem, {})[arm] = asdict(example_of(group, step, texts.decode, TEXT))


def _with_groups(arm: Arm) -> RunRecord | None:
    return next((run for run in sorted(arm.runs, key=lambda run: run.seed) if group_files(run.folder)), None)


def _last_groups(run: RunRecord) -> Found:
    found: Found = {}
    left = BYTES
    for file in reversed(group_files(run.folder)):
        left -= file.stat().st_size
        if left < 0:
            break
        step = int(file.name.split(".")[0]) + 1
        rows = ((group.problem.id, (step, group)) for group in read_groups(file) if group.trajectories)
        found = dict(rows) | found
    return found


def _shared(groups: Mapping[str, Found]) -> list[str]:
    """Problems of the most arms first, then those of which some arm has right and wrong answers."""
    held = Counter(name for found in groups.values() for name in found)

    def interest(name: str) -> tuple[int, bool]:
        pairs = [found[name][1] for found in groups.values() if name in found]
        return -held[name], not any(len({t.correct for t in group.trajectories}) == 2 for group in pairs)

    return sorted(held, key=interest)


def _tokenizer(run: RunRecord) -> str:
    saved = run.folder / "final"
    return str(saved.resolve()) if saved.is_dir() else run.spec["model"]["path"]


def _trees(runs: Mapping[str, RunRecord], shared: Sequence[str]) -> dict[str, list[Any]]:
    """Whole trees of problems, one of each arm that kept one, as many problems as there is room for."""
    held = {name: _by_problem(run) for name, run in runs.items() if any(run.folder.glob(f"trees/*{TREES}.jsonl.zst"))}
    readers = {name: RunTrees(runs[name].folder) for name, trees in held.items() if trees}
    found: dict[str, list[Any]] = {}
    left = TREE_BYTES
    for problem in shared:
        trees = [reader.data(held[n][problem], n) for n, reader in readers.items() if problem in held[n]]
        left -= len(json_text(trees))
        if left < 0:
            break
        if trees:
            found[problem] = trees
    return found


def _by_problem(run: RunRecord) -> dict[str, KeptTree]:
    return {tree.record.problem_id: tree for tree in kept_trees(run.folder)}
