"""Negatives that nothing can be learnt from are taken out of the groups, and kept for the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from dsk.core.roles import Filter
from dsk.core.types import Group, Trajectory


def without_garbled(
    groups: Sequence[Group], filter_: Filter, decode: Callable[[Sequence[int]], str]
) -> tuple[list[Group], list[dict[str, Any]]]:
    """The groups without garbled and looping negatives (paper 4.2), and those negatives with the reason."""
    left: list[Group] = []
    dropped: list[dict[str, Any]] = []
    for group in groups:
        kept: list[Trajectory] = []
        for t in group.trajectories:
            text = decode(t.tokens)
            reason = None if t.reward > 0 else filter_.reason(t.tokens, text)
            if reason is None:
                kept.append(t)
            else:
                dropped.append({"problem": group.problem.id, "reason": reason, "text": text, **asdict(t)})
        stats = {**group.stats, "filtered": float(len(group.trajectories) - len(kept))}
        left.append(replace(group, trajectories=tuple(kept), stats=stats))
    return left, dropped
