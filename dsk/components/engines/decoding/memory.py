"""One byte budget for everything that holds keys and values; the prefix tree gives way to the running batch."""

from __future__ import annotations

from dsk.components.engines.decoding.batch import Batch
from dsk.components.engines.decoding.buffers import KvBuffer
from dsk.components.engines.decoding.prefix_tree import PrefixTree, Supply

GRAIN = 32
"""Buffer capacities are multiples of this many tokens."""
ROOMY = 256
"""Suffix capacity that is tried first, in tokens, so that short samples never cause a resize."""
CHUNK = 128
"""Most tokens of one context encoded in one forward: bounds the scores' memory to CHUNK x prefix per head."""
FIRST_SLOTS = 16
"""Slots of a buffer's first allocation, where the budget allows."""


def rounded(count: int) -> int:
    """`count` tokens, up to the next multiple of GRAIN."""
    return -(-count // GRAIN) * GRAIN


class Memory:
    """The budget in bytes over a batch and a prefix tree. `peak` is the most that was ever in use.

    While `sparing`, buffers get exactly what is asked for: room to spare in one may be what the other lacks.
    """

    def __init__(self, batch: Batch, tree: PrefixTree, budget: int) -> None:
        self.batch, self.tree, self.budget, self.peak = batch, tree, budget, 0
        self.sparing = False
        self._scratch = CHUNK * tree.token_bytes

    @property
    def used(self) -> int:
        """Bytes of keys and values held, and what encoding a chunk of one context takes."""
        return self.tree.bytes + self.batch.prefixes.bytes + self.batch.suffixes.bytes + self._scratch

    def room(self, extra: int) -> bool:
        """Make room for `extra` bytes by dropping cached prefixes; whether there is."""
        over = self.used + extra - self.budget
        fits = over <= 0 or self.tree.evict(over) >= over
        if fits:
            self.peak = max(self.peak, self.used + extra)
        return fits

    def fit_lane(self, length: int) -> bool:
        """Room for one more lane of `length` tokens."""
        batch = self.batch
        capacity = max([length, *(len(lane.branch.context) for lane in batch.lanes.values())])
        slots = max(batch.slots, len(batch.lanes) + 1)
        return self._fit(batch.prefixes, slots, rounded(capacity), batch.slots)

    def fit_rows(self, extra: int, length: int) -> bool:
        """Room for `extra` more rows, and for `length` tokens in every row."""
        batch = self.batch
        capacity = max([length, *(row.length + 1 for row in batch.rows)])
        return self._fit(batch.suffixes, len(batch.rows) + extra, rounded(capacity), len(batch.rows))

    def _fit(self, buffer: KvBuffer, slots: int, capacity: int, keep: int) -> bool:
        if slots <= buffer.slots and capacity <= buffer.capacity:
            return True
        roomy_slots = buffer.slots if slots <= buffer.slots else max(slots, 2 * buffer.slots, FIRST_SLOTS)
        roomy_capacity = buffer.capacity if capacity <= buffer.capacity else rounded(capacity * 5 // 4)
        shapes = ((slots, capacity),) if self.sparing else ((roomy_slots, roomy_capacity), (slots, capacity))
        # Old and new exist side by side while one is copied into the other.
        for shape in shapes:
            if self.room(shape[0] * shape[1] * buffer.shape.token_bytes):
                buffer.resize(*shape, keep)
                return True
        return False

    def shrink(self) -> None:
        """Cut both buffers to what is in use."""
        batch = self.batch
        batch.close_gaps()
        lanes = rounded(max((len(lane.branch.context) for lane in batch.lanes.values()), default=0))
        rows = rounded(max((row.length + 1 for row in batch.rows), default=0))
        for buffer, slots, capacity in (
            (batch.prefixes, batch.slots, lanes),
            (batch.suffixes, len(batch.rows), rows),
        ):
            size = slots * capacity * buffer.shape.token_bytes
            if size < buffer.bytes and self.room(size):
                buffer.resize(slots, capacity, slots)

    def keep(self, tokens: tuple[int, ...], supply: Supply) -> None:
        """Put keys and values into the prefix tree, if the budget has room for what is missing."""
        for _ in range(2):  # making room may drop a part of this very sequence: look again
            missing = len(tokens) - self.tree.match(tokens).cached
            if self.used + missing * self.tree.token_bytes <= self.budget:
                self.tree.insert(tokens, supply)
                self.peak = max(self.peak, self.used)
                return
            self.tree.evict(self.used + missing * self.tree.token_bytes - self.budget)
