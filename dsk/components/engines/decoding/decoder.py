"""The decoding loop: requests join and leave the running batch at any step.

waiting branches -> lanes (cached prefix loaded, the rest encoded) -> rows (one token each per forward) -> samples
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import torch

from dsk.components.engines.decoding.batch import Batch, Lane
from dsk.components.engines.decoding.buffers import KvShape
from dsk.components.engines.decoding.drawing import Following, draw
from dsk.components.engines.decoding.memory import CHUNK, ROOMY, Memory
from dsk.components.engines.decoding.prefill import encode
from dsk.components.engines.decoding.prefix_tree import PrefixTree
from dsk.components.engines.decoding.requests import Branch
from dsk.components.engines.decoding.runner import Runner
from dsk.components.engines.decoding.stopping import StopRule
from dsk.core.errors import EngineError
from dsk.core.types import Completion, Sample, StopReason

WAVE = 16
"""Most contexts encoded in one padded forward."""


@dataclass
class Counters:
    """Tokens, forwards of the batch with their rows, and seconds in the model."""

    decoded: int = 0
    cached: int = 0
    encoded: int = 0
    reencoded: int = 0
    steps: int = 0
    rows: int = 0
    model_seconds: float = 0.0


class Decoder:
    """Owns the batch, the prefix tree and the queue. Call `step` inside `runner.borrowed()`."""

    def __init__(self, runner: Runner, stops: StopRule, shape: KvShape, max_rows: int, budget: int) -> None:
        self.runner, self.stops, self.max_rows, self.version = runner, stops, max_rows, 0
        self.batch, self.tree = Batch(shape), PrefixTree(shape.token_bytes)
        self.memory = Memory(self.batch, self.tree, budget)
        self.waiting: deque[Branch] = deque()
        self.finished: list[Completion] = []
        self.counters = Counters()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self.waiting and not self.batch.lanes

    def step(self) -> None:
        """Admit what fits, forward every row once, start samples whose context is encoded."""
        while wave := self._next_wave():
            self._encode(wave)
        if self.batch.rows:
            self._decode()
        self._start_samples()

    def _next_wave(self) -> list[Lane]:
        """Admit branches and return those with several tokens to encode; empty when none is left for now."""
        wave: list[Lane] = []
        beginnings: set[tuple[int, int]] = set()
        while self.waiting and len(wave) < WAVE and not (self.memory.sparing and self.batch.lanes):
            branch = self.waiting[0]
            committed = self.batch.committed_rows
            if committed and committed + len(branch.drafts) > self.max_rows:
                break
            match = self.tree.match(branch.context)
            # What two contexts share beyond the cache is encoded for one of them; the other waits for the next wave.
            beginning = (match.cached, branch.context[min(match.cached, len(branch.context) - 1)])
            if beginning in beginnings:
                break
            lane = self._admit(branch)
            if lane is None:
                break
            if lane.length < len(branch.context) - 1:
                beginnings.add(beginning)
                wave.append(lane)
        return wave

    def _admit(self, branch: Branch) -> Lane | None:
        """Give the next waiting branch a lane with its cached prefix; None when there is no memory for it now."""
        length = len(branch.context)
        if not (self.memory.fit_lane(length) and self.memory.fit_rows(1, 1)):
            if self.batch.lanes:
                return None
            self.memory.sparing = True
            self.memory.shrink()
            if not (self.memory.fit_lane(length) and self.memory.fit_rows(1, 1)):
                raise EngineError(f"request '{branch.request.id}': out of engine.cache_bytes; raise it")
        self.waiting.popleft()
        lane = self.batch.add_lane(branch)
        match = self.tree.match(branch.context)
        cached = min(match.cached, length - 1)
        for segment in match.segments(cached):
            self.batch.prefixes.write(lane.slot, lane.length, segment)
            lane.length += segment.shape[3]
        self.counters.cached += cached
        self.counters.encoded += length - cached
        self.counters.reencoded += match.seen - cached
        if cached == length - 1:
            self.batch.add_row(lane, None)
        return lane

    def _encode(self, wave: list[Lane]) -> None:
        """Encode what the lanes' contexts lack, and note the logits that follow them."""
        start = time.perf_counter()
        for lane in wave:
            while len(lane.branch.context) - lane.length > CHUNK:
                self._encode_chunk([lane])
        lengths = [len(lane.branch.context) - lane.length for lane in wave]
        longest = max(lengths) * self.tree.token_bytes
        groups = [wave] if self.memory.room(len(wave) * longest) else [[lane] for lane in wave]
        last: list[torch.Tensor] = []
        for group in groups:
            ends = [len(lane.branch.context) - lane.length - 1 for lane in group]
            last.append(self._encode_chunk(group)[range(len(group)), ends])
        following = self.runner.read(torch.cat(last))
        self.counters.model_seconds += time.perf_counter() - start
        for index, lane in enumerate(wave):
            self._encoded(lane, following.row(index))

    def _encode_chunk(self, lanes: list[Lane]) -> torch.Tensor:
        tokens = [lane.branch.context[lane.length : lane.length + CHUNK] for lane in lanes]
        slots, starts = [lane.slot for lane in lanes], [lane.length for lane in lanes]
        hidden = encode(self.runner, self.batch.prefixes, slots, starts, tokens)
        for lane, ids in zip(lanes, tokens, strict=True):
            lane.length += len(ids)
        self.batch.changed()
        return hidden

    def _encoded(self, lane: Lane, following: Following) -> None:
        """A lane's context is complete: keep it for later requests, and let its samples start."""
        lane.branch.following = following
        slot = lane.slot
        self.memory.keep(lane.branch.context, lambda start, stop: self.batch.prefixes.read(slot, start, stop))

    def _decode(self) -> None:
        """Forward one token of every row; heads yield their branch's logits, the others a token each."""
        if not self._make_rows_fit():
            return
        batch = self.batch
        self.counters.steps += 1
        self.counters.rows += len(batch.rows)
        batch.close_gaps()
        start = time.perf_counter()
        tokens, positions = batch.arrays.following[: len(batch.rows), None], batch.layout().positions[:, None]
        following = self.runner.read(self.runner.hidden(tokens, positions, batch.context())[:, 0])
        self.counters.model_seconds += time.perf_counter() - start
        over = self._draw(following, 0)
        heads = [index for index, row in enumerate(batch.rows) if row.draft is None]
        for index in heads:
            self._promote(index, following.row(index))
        batch.count_forward()
        self._leave({**over, **dict.fromkeys(heads)})

    def _promote(self, index: int, following: Following) -> None:
        """A head has forwarded its lane's last token: its keys and values complete the lane."""
        lane = self.batch.rows[index].lane
        self.batch.prefixes.write(lane.slot, lane.length, self.batch.suffixes.read(index, 0, 1))
        lane.length += 1
        self._encoded(lane, following)

    def _draw(self, following: Following, first: int) -> dict[int, StopReason]:
        """Draw a token for the rows from `first` on; which samples are over, and why."""
        batch, layout = self.batch, self.batch.layout()
        ids, at = layout.row_ids[first:], layout.drawn[first:]
        tokens, logprobs = draw(following.logits, batch.arrays.uniform[ids, at], layout.tempering.since(first))
        batch.arrays.record(ids, at, tokens, logprobs, following.values)
        batch.count_draw(first)
        over: dict[int, StopReason] = {}
        for index, row in enumerate(batch.rows[first:], first):
            if row.drawn >= row.limit:
                over[index] = "length"
            if row.watched and self.stops.stopped(row.request, batch.arrays.tokens[index, : row.drawn]):
                over[index] = "stop"
        over |= dict.fromkeys([first + i for i in self.stops.ended(tokens)], "eos")
        self.counters.decoded += sum(row.draft is not None for row in batch.rows[first:])
        return over

    def _leave(self, over: dict[int, StopReason | None]) -> None:
        """Take rows out: finished samples with their reason, heads with None."""
        for index in sorted(over, reverse=True):
            reason, lane = over[index], self.batch.rows[index].lane
            if reason is not None and self.batch.rows[index].draft is not None:
                self._finish(index, reason)
            self.batch.remove_row(index)
            if not lane.rows and not lane.branch.drafts:
                self.batch.drop_lane(lane)

    def _finish(self, index: int, reason: StopReason) -> None:
        row, draft = self.batch.rows[index], self.batch.sampled(index)
        pending = row.lane.branch.pending
        self.memory.sparing = False
        assert draft.version is not None
        pending.done[draft.index] = Sample(draft.tokens, draft.logprobs, reason, draft.version, draft.values)
        if reason != "eos":  # nothing continues after the end of the sequence
            known = (row.request.prefix + draft.tokens)[: row.lane.length + row.length]
            self.memory.keep(known, lambda start, stop: self.batch.kv(index, start, stop))
        if completion := pending.completion():
            self.finished.append(completion)

    def _start_samples(self) -> None:
        """Rows for the samples whose context is encoded, as far as rows and memory allow; their first tokens."""
        first, parts = len(self.batch.rows), []
        for lane in sorted(self.batch.lanes.values(), key=lambda lane: lane.order):
            branch = lane.branch
            if branch.following is None or not branch.drafts:
                continue
            count = min(len(branch.drafts), self.max_rows - len(self.batch.rows))
            length = min(ROOMY, branch.request.max_tokens)
            while count and not self.memory.fit_rows(count, length):
                count, length = max(count // 2, int(length > 1)), 1
            parts.append(branch.following.row(0, count))
            for draft in branch.drafts[:count]:
                draft.version = self.version if draft.version is None else draft.version
                self.batch.add_row(lane, draft)
            del branch.drafts[:count]
        if len(self.batch.rows) > first:
            self._leave({**self._draw(Following.of(parts), first)})
        elif not self.batch.rows and self.batch.lanes:
            self._start_over()

    def _make_rows_fit(self) -> bool:
        """Room for the rows' next tokens, if need be by sending the youngest lanes back; False after starting over."""
        while not self.memory.fit_rows(0, 1):
            if len(self.batch.lanes) == 1:
                self._start_over()
                return False
            self.release(max(self.batch.lanes.values(), key=lambda lane: lane.order))
        return True

    def _start_over(self) -> None:
        """Send everything back and take up one branch at a time until a sample finishes.

        Samples under way come back as branches of one each, and of one there is room by what `submit` asked for.
        """
        drafts = sum(len(lane.branch.drafts) for lane in self.batch.lanes.values())
        if self.memory.sparing and (not self.batch.rows or len(self.batch.rows) + drafts == 1):
            raise EngineError("out of engine.cache_bytes with a single sample left; raise it")
        self.release_all()
        self.memory.sparing = True

    def release_all(self) -> None:
        """Send every lane back to the queue, the oldest to its front, and drop the buffers."""
        for lane in sorted(self.batch.lanes.values(), key=lambda lane: -lane.order):
            self.release(lane)
        self.memory.shrink()

    def release(self, lane: Lane) -> None:
        """Take a lane out of the batch; its samples wait, to be continued from where they are."""
        branch = lane.branch
        if branch.drafts:
            self.waiting.appendleft(Branch(branch.pending, branch.context, branch.drafts))
        for index in reversed(range(len(self.batch.rows))):
            if self.batch.rows[index].lane is lane:
                if self.batch.rows[index].draft is not None:
                    self.waiting.appendleft(branch.resumed(self.batch.sampled(index)))
                self.batch.remove_row(index)
        self.batch.drop_lane(lane)

    def cancel(self, request_id: str) -> None:
        """Drop a request with its rows, its lanes and, when nothing else runs, the buffers."""
        self.waiting = deque(branch for branch in self.waiting if branch.request.id != request_id)
        self.finished = [completion for completion in self.finished if completion.request_id != request_id]
        for index in reversed(range(len(self.batch.rows))):
            if self.batch.rows[index].request.id == request_id:
                self.batch.remove_row(index)
        for lane in [lane for lane in self.batch.lanes.values() if lane.branch.request.id == request_id]:
            self.batch.drop_lane(lane)
        self.memory.shrink()
