"""Kept trees in a report: a few problems of the newest step, each beside the tree that was grown for it first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsk.core.errors import PluginError, SpecError
from dsk.core.loading import load_spec
from dsk.core.model.tokenizers import Texts
from dsk.core.run.stored_groups import step_file
from dsk.core.run.stored_trees import TREES
from dsk.core.spec import RunSpec
from dsk.report.seen import Record
from dsk.treeview.run_page import kept_tree_data
from dsk.treeview.run_trees import KeptTree, trees_of_step
from dsk.web.page import json_text

SHOWN = 4
"""Problems whose trees a page holds."""
MOST_BYTES = 1_000_000
"""What the trees of a page may take, as JSON."""


@dataclass(frozen=True)
class Grown:
    """A problem in one step: correct responses of all (what its group held then)."""

    step: int
    correct: int
    responses: int

    @property
    def share(self) -> float:
        """Correct responses of all."""
        return self.correct / max(self.responses, 1)


def report_trees(folder: Path, records: Sequence[Record], texts: Callable[[], Texts]) -> dict[str, Any] | None:
    """The trees that a page holds (`KeptTrees` in `web/src/report/data.ts`), None where the run keeps none.

    First come the problems whose share of correct responses has changed most since their first tree. `texts` is asked
    for the tokenizer only where there is a tree. Raises DamagedFileError.
    """
    newest = newest_trees(folder)
    if not newest:
        return None
    grown = _grown(folder, records)
    pairs = [(_first(grown, tree), tree) for tree in newest]
    pairs.sort(key=lambda pair: _change(grown, *pair), reverse=True)
    spec, words = known_spec(folder), texts()
    drawn = (_drawn(folder, first, tree, spec, words) for first, tree in pairs[:SHOWN])
    shown = list(_fitting(drawn, MOST_BYTES))
    return {
        "step": newest[0].step,
        "of": len(newest),
        "steps": len(list(folder.glob(f"trees/*{TREES}.jsonl.zst"))),
        "shown": shown,
        "too_large": min(len(pairs), SHOWN) - len(shown),
        "command": f"dsk tree {folder} --list",
    }


def newest_trees(folder: Path) -> list[KeptTree]:
    """The trees of the last step that has any. Raises DamagedFileError."""
    files = sorted(folder.glob(f"trees/*{TREES}.jsonl.zst"), reverse=True)
    found = (list(trees_of_step(folder, int(file.name.split(".")[0]))) for file in files)
    return next((trees for trees in found if trees), [])


def known_spec(folder: Path) -> RunSpec | None:
    """The run's spec, None where it names what is not installed here."""
    try:
        return load_spec(folder)
    except (SpecError, PluginError):
        return None


def _grown(folder: Path, records: Sequence[Record]) -> dict[str, list[Grown]]:
    """By problem the steps in which it was searched and that have a file of trees."""
    found: dict[str, list[Grown]] = {}
    for record in records:
        if record["event"] == "groups" and step_file(folder, record["step"] - 1, TREES).exists():
            rows = zip(record["problems"], record["origins"], record["correct"], record["responses"], strict=True)
            for problem, origin, correct, responses in rows:
                if origin == "search":
                    found.setdefault(problem, []).append(Grown(record["step"], correct, responses))
    return found


def _first(grown: Mapping[str, Sequence[Grown]], tree: KeptTree) -> Grown | None:
    """The first search of the tree's problem, where it was in an earlier step."""
    earlier = (each for each in grown.get(tree.record.problem_id, ()) if each.step < tree.step)
    return next(earlier, None)


def _change(
    grown: Mapping[str, Sequence[Grown]], first: Grown | None, tree: KeptTree
) -> tuple[bool, float, tuple[bool, int, int]]:
    """With an earlier tree first, then what changed most, then what is most interesting by itself."""
    now = tree.right / max(len(tree.record.correct), 1)
    return first is not None, abs(now - first.share) if first else 0.0, tree.interest


def _drawn(folder: Path, first: Grown | None, tree: KeptTree, spec: RunSpec | None, texts: Texts) -> dict[str, Any]:
    """A problem: its trees, the earlier one first."""
    problem = tree.record.problem_id
    earlier = trees_of_step(folder, first.step - 1) if first else iter(())
    before = next((each for each in earlier if each.record.problem_id == problem), None)
    trees = [each for each in (before, tree) if each is not None]
    return {
        "problem": problem,
        "ends": [[each.step, each.right, len(each.record.correct)] for each in trees],
        "trees": [kept_tree_data(each, spec, texts, f"step {each.step}") for each in trees],
    }


def _fitting(drawn: Iterator[dict[str, Any]], most: int) -> Iterator[dict[str, Any]]:
    """Problems as long as they fit; of one whose trees are too large together the newer tree."""
    for problem in drawn:
        for kept in range(len(problem["trees"])):
            part = {**problem, "ends": problem["ends"][kept:], "trees": problem["trees"][kept:]}
            size = len(json_text(part))
            if size <= most:
                most -= size
                yield part
                break
