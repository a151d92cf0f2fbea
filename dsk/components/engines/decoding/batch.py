"""The running batch: which rows decode, on which lanes, and their keys and values.

Rows are kept dense (a leaving row's place is taken by the last one), so that a forward computes only live rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dsk.components.engines.decoding.attention import Context, Grouping, mask_of
from dsk.components.engines.decoding.buffers import KvBuffer, KvShape
from dsk.components.engines.decoding.drawing import Tempering, uniforms
from dsk.components.engines.decoding.requests import Branch, Draft
from dsk.components.engines.decoding.row_arrays import RowArrays
from dsk.core.types import SampleRequest


@dataclass(eq=False)
class Lane:
    """A branch's context in the batch: `length` tokens' keys and values lie in buffer slot `slot`."""

    branch: Branch
    slot: int
    order: int
    length: int = 0
    rows: int = 0


@dataclass(eq=False)
class Row:
    """A sequence being decoded on a lane: `length` forwarded tokens of its own, `drawn` tokens of the sample.

    `limit` is the most it may draw; `watched` rows have stops of their own. `draft` is None for a head, which only
    forwards the last token of its lane's context.
    """

    lane: Lane
    draft: Draft | None
    limit: int
    watched: bool
    drawn: int = 0
    length: int = 0

    @property
    def request(self) -> SampleRequest:
        """What was asked for."""
        return self.lane.branch.request


@dataclass
class Layout:
    """Device arrays [R] that hold while the same rows decode."""

    grouping: Grouping
    prefix: int
    prefix_mask: torch.Tensor | None
    tempering: Tempering
    row_ids: torch.Tensor
    lengths: torch.Tensor
    positions: torch.Tensor
    drawn: torch.Tensor
    longest: int


class Batch:
    """Lanes by slot, rows by index, and the buffers behind them."""

    def __init__(self, shape: KvShape) -> None:
        self.shape = shape
        self.rows: list[Row] = []
        self.lanes: dict[int, Lane] = {}
        self.prefixes, self.suffixes = KvBuffer(shape), KvBuffer(shape)
        self.arrays = RowArrays(shape.device)
        self.rated = False
        self.score_dtype = torch.promote_types(shape.dtype, torch.float32)
        self._layout: Layout | None = None
        self._admitted = 0

    @property
    def committed_rows(self) -> int:
        """Rows in use or promised to samples that have not started."""
        return sum(lane.rows + len(lane.branch.drafts) for lane in self.lanes.values())

    @property
    def slots(self) -> int:
        """Lane slots in use, gaps included."""
        return max(self.lanes, default=-1) + 1

    def add_lane(self, branch: Branch) -> Lane:
        """An empty lane in the lowest free slot; the buffer must have room."""
        slot = next(i for i in range(len(self.lanes) + 1) if i not in self.lanes)
        self._admitted += 1
        lane = self.lanes[slot] = Lane(branch, slot, self._admitted)
        self._layout = None
        return lane

    def drop_lane(self, lane: Lane) -> None:
        """Free a lane's slot."""
        del self.lanes[lane.slot]
        self._layout = None

    def close_gaps(self) -> None:
        """Move the last lanes into free slots."""
        while self.slots > len(self.lanes):
            lane = self.lanes.pop(self.slots - 1)
            slot = next(i for i in range(len(self.lanes) + 1) if i not in self.lanes)
            self.prefixes.move(lane.slot, slot, lane.length)
            lane.slot = slot
            self.lanes[slot] = lane
            self._layout = None

    def add_row(self, lane: Lane, draft: Draft | None) -> Row:
        """A row at the end; the buffer must have room. A head forwards the context's last token."""
        index, request = len(self.rows), lane.branch.request
        self.arrays.reserve(index + 1, request.max_tokens, keep=index)
        watched = draft is not None and bool(request.stop_tokens or request.stop_strings)
        row = Row(lane, draft, request.max_tokens if draft else 1 << 62, watched)
        if draft is None:
            self.arrays.following[index] = lane.branch.context[-1]
        else:
            row.drawn = len(draft.tokens)
            numbers = uniforms(request.seed, draft.index, request.max_tokens)
            self.arrays.start(index, numbers, draft)
        self.rows.append(row)
        lane.rows += 1
        self._layout = None
        return row

    def remove_row(self, index: int) -> None:
        """Take a row out; the last row takes its place."""
        self.rows[index].lane.rows -= 1
        last = self.rows.pop()
        if index < len(self.rows):
            self.suffixes.move(len(self.rows), index, last.length)
            self.arrays.move(len(self.rows), index)
            self.rows[index] = last
        self._layout = None

    def sampled(self, index: int) -> Draft:
        """The sample of a row as far as it is drawn."""
        row = self.rows[index]
        assert row.draft is not None
        tokens = tuple(self.arrays.tokens[index, : row.drawn].tolist())
        logprobs = tuple(self.arrays.logprobs[index, : row.drawn].tolist())
        values = tuple(self.arrays.values[index, : row.drawn].tolist()) if self.rated else ()
        return Draft(row.draft.index, tokens, logprobs, values, row.draft.version)

    def kv(self, index: int, start: int, stop: int) -> torch.Tensor:
        """Keys and values [L, 2, H, T, E] of a row's tokens, those of its lane first."""
        row = self.rows[index]
        shared = row.lane.length
        parts = []
        if start < shared:
            parts.append(self.prefixes.read(row.lane.slot, start, min(stop, shared)))
        if stop > shared:
            parts.append(self.suffixes.read(index, max(start - shared, 0), stop - shared))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 3)

    def layout(self) -> Layout:
        """The arrays for the present rows."""
        if self._layout is None:
            self._layout = self._lay_out()
        return self._layout

    def _lay_out(self) -> Layout:
        device, rows = self.shape.device, self.rows
        lengths = [self.lanes[i].length if i in self.lanes else 0 for i in range(self.slots)]
        prefix, mask = max(lengths), None
        if min(lengths) < prefix:
            keep = torch.arange(prefix, device=device) < torch.tensor(lengths, device=device)[:, None]
            mask = mask_of(keep, self.score_dtype)[:, None, None]
        return Layout(
            grouping=Grouping.of([row.lane.slot for row in rows], self.slots, device),
            prefix=prefix,
            prefix_mask=mask,
            tempering=Tempering.of([(r.request.temperature, r.request.top_p, r.request.top_k) for r in rows], device),
            row_ids=torch.arange(len(rows), device=device),
            lengths=torch.tensor([row.length for row in rows], device=device),
            positions=torch.tensor([row.lane.length + row.length for row in rows], device=device),
            drawn=torch.tensor([row.drawn for row in rows], device=device),
            longest=max(row.length for row in rows),
        )

    def context(self) -> Context:
        """What attention needs for forwarding one token of every row."""
        layout, slots, count = self.layout(), self.slots, len(self.rows)
        keep = torch.arange(layout.longest + 1, device=self.shape.device) <= layout.lengths[:, None]
        return Context(
            grouping=layout.grouping,
            prefix_keys=[keys[:slots] for keys in self.prefixes.keys],
            prefix_values=[values[:slots] for values in self.prefixes.values],
            prefix=layout.prefix,
            prefix_mask=layout.prefix_mask,
            suffix_keys=[keys[:count] for keys in self.suffixes.keys],
            suffix_values=[values[:count] for values in self.suffixes.values],
            suffix=layout.longest + 1,
            suffix_mask=mask_of(keep, self.score_dtype)[:, None, None],
            row_ids=layout.row_ids,
            at=layout.lengths,
            positions=layout.positions[:, None],
            starts=layout.positions - layout.lengths,
        )

    def changed(self) -> None:
        """Lay the rows out anew before the next forward."""
        self._layout = None

    def count_draw(self, first: int) -> None:
        """Every row from `first` on has drawn a token."""
        self.layout().drawn[first:] += 1
        for row in self.rows[first:]:
            row.drawn += 1

    def count_forward(self) -> None:
        """Every row has forwarded a token."""
        layout = self.layout()
        layout.lengths += 1
        layout.positions += 1
        layout.longest += 1
        for row in self.rows:
            row.length += 1
