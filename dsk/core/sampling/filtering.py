"""Negatives that nothing can be learnt from are taken out of the groups, and kept for the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dsk.core.roles import Filter
from dsk.core.types import Group, Trajectory, named


def without_garbled(
    groups: Sequence[Group], filter_: Filter, decode: Callable[[np.ndarray], str]
) -> tuple[list[Group], list[dict[str, Any]]]:
    """The groups without garbled and looping negatives (paper 4.2), and those negatives with the reason.

    Their terminals go too, so that means of rewards are over what is left, whatever the advantage. A tree's `q` stays
    as its search backed it up.
    """
    left: list[Group] = []
    dropped: list[dict[str, Any]] = []
    for group in groups:
        kept: list[Trajectory] = []
        gone: set[tuple[int, ...]] = set()
        for t in group.trajectories:
            text = decode(t.tokens)
            reason = None if t.correct else filter_.reason(t.tokens.tolist(), text)
            if reason is None:
                kept.append(t)
            else:
                gone.add(t.node_ids)
                dropped.append(
                    {
                        "problem": group.problem.id,
                        "reason": reason,
                        "text": text,
                        **named(t),
                    }
                )
        stats = {**group.stats, "filtered": len(group.trajectories) - len(kept)}
        terminals = tuple(end for end in group.verified if end.path not in gone)
        left.append(replace(group, trajectories=tuple(kept), stats=stats, terminals=terminals))
    return left, dropped
