"""What the compared figures mean: their units, which way is better, and how search-only ones come out of a tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dsk.compare.runs import FinishedTree


@dataclass(frozen=True)
class Metric:
    """`direction` is 1 where more is better, -1 where less is, 0 where neither; `share` is shown in percent.

    `complete`: every tree or problem has a value, so that a missing one is worth a warning.
    """

    label: str
    direction: int = 0
    share: bool = False
    complete: bool = True


METRICS = {
    "pass_at_1": Metric("pass@1", 1, share=True),
    "mean_score": Metric("mean score", 1, share=True),
    "truncated": Metric("truncated", -1, share=True),
    "solved": Metric("solved", 1, share=True),
    "depth": Metric("depth"),
    "entropy": Metric("entropy"),
    "reward": Metric("reward", 1),
    "iterations": Metric("iterations", -1),
    "seconds_per_iteration": Metric("s/iteration", -1),
    "seconds_per_tree": Metric("s/tree", -1),
    "tokens": Metric("tokens/tree", -1),
    "tokens_to_first_solution": Metric("tokens to first solution", -1, complete=False),
}

DEFAULT = "pass_at_1"
"""What training runs are compared by, unless a study says otherwise."""

SEARCH_METRICS: Mapping[str, Callable[[Mapping[str, float]], float]] = {
    "solved": lambda tree: tree["solved"],
    "depth": lambda tree: tree["depth"],
    "entropy": lambda tree: tree["entropy"],
    "reward": lambda tree: tree["reward"],
    "iterations": lambda tree: tree["expansions"],
    "seconds_per_iteration": lambda tree: tree["seconds"] / tree["expansions"] if tree["expansions"] else math.nan,
    "seconds_per_tree": lambda tree: tree["seconds"],
    "tokens": lambda tree: tree["tokens"],
    "tokens_to_first_solution": lambda tree: tree.get("tokens_to_first_solution") or math.nan,
}


def metric_info(name: str) -> Metric:
    """How to show a metric; one that is not known is a plain number."""
    return METRICS.get(name, Metric(name.replace("_", " ")))


def points(metric: str, value: float) -> str:
    """A difference in the metric's unit, in words: `4 points` for 0.04 of a share."""
    if metric_info(metric).share:
        return f"{100 * value:.3g} points"
    return f"{value:.3g}"


def level_text(metric: str, value: float) -> str:
    """A level of the metric: `80%` for 0.8 of a share."""
    return f"{100 * value:g}%" if metric_info(metric).share else f"{value:g}"


def level_fault(metric: str, value: float) -> str | None:
    """What is wrong with a level of the metric; None where nothing is."""
    if metric_info(metric).share and value >= 1:
        return f"tokens_to: {value:g} is no level of a share; write 0.8 for 80%"
    return None


def tree_values(trees: Sequence[FinishedTree], metric: str) -> dict[str, float]:
    """Problem to the metric of its tree; trees without the metric (no solution found) are left out."""
    values = {tree.problem: SEARCH_METRICS[metric](tree.figures) for tree in trees}
    return {problem: value for problem, value in values.items() if not math.isnan(value)}
