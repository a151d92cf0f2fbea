"""Kept trees of runs as the viewer draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsk.core.loading import load_spec
from dsk.core.model.tokenizers import Texts
from dsk.core.spec import RunSpec
from dsk.treeview.data import tree_data
from dsk.treeview.rules import rules_of
from dsk.treeview.run_trees import KeptTree
from dsk.treeview.trained import trained_on


class RunTrees:
    """What is needed of a run to show its trees: its spec, and the tokenizer that it saved or began with."""

    def __init__(self, folder: Path) -> None:
        self.spec = load_spec(folder)
        saved = folder / "final"
        self.texts = Texts(str(saved.resolve()) if saved.is_dir() else self.spec.model.path)

    def data(self, tree: KeptTree, title: str) -> dict[str, Any]:
        """A tree of this run, with what was trained on its nodes."""
        return kept_tree_data(tree, self.spec, self.texts, title)


def kept_tree_data(tree: KeptTree, spec: RunSpec | None, texts: Texts, title: str) -> dict[str, Any]:
    """A kept tree as the viewer draws it; without a spec that can be read here, less of it is known."""
    return tree_data(
        tree.record,
        tree.group.problem,
        texts.decode,
        None if spec is None else rules_of(spec),
        title=title,
        trained=None if spec is None else trained_on(tree.group, len(tree.record.parent), spec),
        pieces=texts.pieces,
    )
