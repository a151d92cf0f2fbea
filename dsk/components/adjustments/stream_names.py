"""The streams that rows of a mini-batch fall into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from dsk.core.roles import MiniBatch

if TYPE_CHECKING:
    from jaxtyping import Shaped

By = Literal["origin", "tree", "given"]
STREAMS: Mapping[By, Sequence[str]] = {
    "origin": ("search", "direct", "cached"),
    "tree": ("first", "later"),
    "given": ("whole", "continued"),
}
"""`origin`: where a trajectory comes from; `tree`: the first of the group's trees or a later one; `given`: sampled as a
whole or from a given beginning on."""


def stream_of(batch: MiniBatch, by: By) -> Shaped[np.ndarray, " R"]:
    """The name of each row's stream [R]."""
    if by == "origin":
        return batch.origin
    first, second = STREAMS[by]
    return np.where((batch.tree if by == "tree" else batch.given) == 0, first, second)
