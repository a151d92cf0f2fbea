"""A finished search as the record that outlives it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsk.core.sampling.open_nodes import Choice
from dsk.core.sampling.search_tree import SearchTree
from dsk.core.tree_record import TreeRecord


def kept_tree(
    problem_id: str,
    tree: SearchTree,
    choices: Sequence[Choice],
    verified: Sequence[tuple[int, float, bool, str | None]],
) -> TreeRecord:
    """The record of a tree: `choices` in the order of expansion, `verified` ends as (node, reward, correct, answer)."""
    tokens, logprobs = tree.arena()
    scores = np.array([choice.score for choice in choices], np.float64)
    columns = ("parent", "token_ends", "visits", "value", "entropy", "score", "terminal")
    return TreeRecord(
        problem_id=problem_id,
        **{name: getattr(tree, name).copy() for name in columns},
        tokens=tokens,
        logprobs=logprobs,
        stops=tuple(tree.stops),
        order=np.array([choice.node for choice in choices]),
        choice_score=np.where(np.isfinite(scores), scores, np.nan),
        among_siblings=np.array([choice.among_siblings for choice in choices]),
        candidates=np.array([choice.candidates for choice in choices]),
        verified=np.array([node for node, *_ in verified]),
        rewards=np.array([reward for _, reward, *_ in verified]),
        correct=np.array([correct for _, _, correct, _ in verified]),
        answers=tuple(answer for *_, answer in verified),
    )
