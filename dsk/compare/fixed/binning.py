"""Problems sorted by pass rate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from dsk.compare.fixed.records import RatedProblem


def bins_of(problems: Sequence[RatedProblem], edges: Sequence[float]) -> dict[str, list[RatedProblem]]:
    """The problems of each bin that has any, under its name; a rate at an edge is in the bin above it."""
    ends = (0.0, *edges, 1.0)
    found: dict[str, list[RatedProblem]] = {}
    for number, (low, high) in enumerate(pairwise(ends)):
        members = [p for p in problems if bisect_right(list(edges), p.rate) == number]
        if members:
            found[f"{100 * low:g} to {100 * high:g}%"] = members
    return found
