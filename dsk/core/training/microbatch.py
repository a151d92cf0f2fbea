"""Micro-batches bounded by tokens: whole groups together, a group over the bound cut between subtrees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dsk.core.errors import SpecError
from dsk.core.training.packing.layout import Packing
from dsk.core.training.rows import TrainingRow


def micro_batches(rows: Sequence[TrainingRow], packing: Packing, bound: int) -> tuple[list[list[TrainingRow]], int]:
    """(micro-batches of at most `bound` computed tokens, how many groups had to be split).

    Rows come grouped. Raises SpecError for a single trajectory over the bound.
    """
    batches: list[list[TrainingRow]] = []
    split = 0
    for _, members in groupby(rows, key=lambda row: row.group):
        group = list(members)
        if packing.cost(group) <= bound:
            _place(batches, group, packing, bound)
        else:
            batches += _split(group, packing, bound)
            split += 1
    return batches, split


def _place(batches: list[list[TrainingRow]], group: list[TrainingRow], packing: Packing, bound: int) -> None:
    if batches and packing.cost(batches[-1] + group) <= bound:
        batches[-1] += group
    else:
        batches.append(group)


def _split(group: list[TrainingRow], packing: Packing, bound: int) -> list[list[TrainingRow]]:
    """Rows in depth-first order, so that each part is a run of neighbouring subtrees and shares what it can."""
    parts: list[list[TrainingRow]] = []
    for row in sorted(group, key=lambda row: row.key):
        if packing.cost([row]) > bound:
            raise SpecError(
                f"train.micro_batch_tokens: a trajectory of {len(row.tokens)} tokens does not fit into {bound};"
                f" set it to at least {len(row.tokens)} (longest prompt + longest response), or shorten responses"
            )
        _place(parts, [row], packing, bound) if parts else parts.append([row])
    return parts
