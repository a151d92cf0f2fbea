"""Attention of a ragged batch over shared prefixes, as a Hugging Face attention function.

A *lane* holds one prefix, a *row* one query sequence that continues the prefix of its lane. Rows of a lane read its
keys and values together, so that `n` samples of one prefix load it once.

Shape letters: R rows, L lanes, W rows per lane (padded), H key-value heads, G query heads per key-value head,
M new tokens per row, P prefix and S suffix length, E head size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from transformers import AttentionInterface

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

NAME = "dsk_decoding"


@dataclass(frozen=True)
class Grouping:
    """How rows lie by lane: `slots` [L * W] names the row of each place, `places` [R] the place of each row."""

    lanes: int
    width: int
    slots: Int[torch.Tensor, " L*W"] | None
    places: Int[torch.Tensor, " R"] | None

    @classmethod
    def of(cls, lane_of_row: list[int], lanes: int, device: torch.device) -> Grouping:
        """The layout for rows whose lanes are given; identity when the rows lie so already."""
        counts, places = [0] * lanes, []
        for lane in lane_of_row:
            places.append((lane, counts[lane]))
            counts[lane] += 1
        width = max(counts)
        flat = [lane * width + k for lane, k in places]
        if flat == list(range(lanes * width)):
            return cls(lanes, width, None, None)
        slots = [0] * (lanes * width)
        for row, place in enumerate(flat):
            slots[place] = row
        return cls(lanes, width, torch.tensor(slots, device=device), torch.tensor(flat, device=device))

    def to_lanes(self, rows: Float[torch.Tensor, "R H Q X"]) -> Float[torch.Tensor, "L H W*Q X"]:
        """Row-major to lane-major."""
        if self.width == 1 and self.slots is None:
            return rows
        picked = rows if self.slots is None else rows.index_select(0, self.slots)
        _, heads, queries, size = rows.shape
        grouped = picked.view(self.lanes, self.width, heads, queries, size).transpose(1, 2)
        return grouped.reshape(self.lanes, heads, self.width * queries, size)

    def to_rows(self, lanes: Float[torch.Tensor, "L H W*Q X"]) -> Float[torch.Tensor, "R H Q X"]:
        """Lane-major back to row-major."""
        if self.width == 1 and self.places is None:
            return lanes
        _, heads, queries, size = lanes.shape
        split = lanes.reshape(self.lanes, heads, self.width, queries // self.width, size).transpose(1, 2)
        flat = split.reshape(self.lanes * self.width, heads, queries // self.width, size)
        return flat if self.places is None else flat.index_select(0, self.places)


@dataclass
class Context:
    """One forward's view of the buffers, the same for every layer.

    `prefix_keys[layer]` is [L, H, C, E] of which the first `prefix` are used under `prefix_mask` [L, 1, 1, P]; likewise
    the rows' own `suffix_keys[layer]` [R, H, C, E], where the new tokens go to `at` [R] (or 0 when None). Masks are
    added to the scores. `positions` [R, M] are those of the new tokens in their sequences and `starts` [R] those of the
    rows' first own tokens: a layer with a sliding window sees the last of a row's positions only.
    """

    grouping: Grouping
    prefix_keys: list[torch.Tensor]
    prefix_values: list[torch.Tensor]
    prefix: int
    prefix_mask: Float[torch.Tensor, "L 1 1 P"] | None
    suffix_keys: list[torch.Tensor]
    suffix_values: list[torch.Tensor]
    suffix: int
    suffix_mask: Float[torch.Tensor, "#R 1 #Q S"] | None
    row_ids: Int[torch.Tensor, " R"]
    at: Int[torch.Tensor, " R"] | None
    positions: Int[torch.Tensor, "R M"]
    starts: Int[torch.Tensor, " R"]
    _windows: dict[int, Masks] = field(default_factory=dict)

    def store(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Append the new tokens' keys and values [R, H, M, E] to the rows' suffixes."""
        keys, values = self.suffix_keys[layer], self.suffix_values[layer]
        if self.at is None:
            keys[: key.shape[0], :, : key.shape[2]] = key
            values[: key.shape[0], :, : key.shape[2]] = value
        else:
            keys[self.row_ids, :, self.at] = key[:, :, 0]
            values[self.row_ids, :, self.at] = value[:, :, 0]

    def masks(self, window: int | None, groups: int) -> Masks:
        """What is added to the scores of a layer with this window, or without one; `groups` is G."""
        if window is None or self.prefix + self.suffix <= window:
            return Masks(self.prefix_mask, self.suffix_mask)
        if window not in self._windows:
            self._windows[window] = self._within(window, groups)
        return self._windows[window]

    def _within(self, window: int, groups: int) -> Masks:
        oldest = (self.positions - window + 1)[:, None, :, None]  # [R, 1, M, 1]
        places = torch.arange(max(self.prefix, self.suffix), device=oldest.device)
        dtype = torch.promote_types(self.suffix_keys[0].dtype, torch.float32)

        def mask(at: torch.Tensor) -> torch.Tensor:
            return mask_of((at >= oldest).repeat(1, 1, groups, 1), dtype)

        shared = self.grouping.to_lanes(mask(places[: self.prefix])) if self.prefix else None
        own = mask(places[: self.suffix] + self.starts[:, None, None, None])
        return Masks(_both(self.prefix_mask, shared), _both(self.suffix_mask, own))

    def attend(
        self, layer: int, query: Float[torch.Tensor, "R H*G M E"], scale: float, window: int | None, cap: float | None
    ) -> torch.Tensor:
        """Attention output [R, M, H * G, E]."""
        rows, query_heads, new, size = query.shape
        keys = self.suffix_keys[layer][:rows, :, : self.suffix]
        values = self.suffix_values[layer][:rows, :, : self.suffix]
        masks = self.masks(window, query_heads // keys.shape[1])
        folded = (query * scale).reshape(rows, keys.shape[1], -1, size)  # [R, H, G * M, E]
        scores = _scores(folded, keys, masks.suffix, cap)
        if self.prefix:
            output = self._with_prefix(layer, folded, scores, values, masks.prefix, cap)
        else:
            output = scores.softmax(-1).to(values.dtype) @ values
        return output.reshape(rows, query_heads, new, size).transpose(1, 2)

    def _with_prefix(
        self,
        layer: int,
        folded: torch.Tensor,
        suffix_scores: torch.Tensor,
        values: torch.Tensor,
        mask: torch.Tensor | None,
        cap: float | None,
    ) -> torch.Tensor:
        keys = self.prefix_keys[layer][:, :, : self.prefix]
        prefix_scores = _scores(self.grouping.to_lanes(folded), keys, mask, cap)
        weights = torch.cat((prefix_scores, self.grouping.to_lanes(suffix_scores)), -1).softmax(-1).to(values.dtype)
        shared = weights[..., : self.prefix] @ self.prefix_values[layer][:, :, : self.prefix]
        own = self.grouping.to_rows(weights[..., self.prefix :]) @ values
        return own + self.grouping.to_rows(shared)


@dataclass(frozen=True)
class Masks:
    """Added to the scores of the prefix [L, 1, #W*G*M, P] and of the rows' own tokens [#R, 1, #G*M, S]."""

    prefix: torch.Tensor | None
    suffix: torch.Tensor | None


def _both(first: torch.Tensor | None, second: torch.Tensor | None) -> torch.Tensor | None:
    return second if first is None else first if second is None else first + second


def _scores(query: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor | None, cap: float | None) -> torch.Tensor:
    """Masked attention scores, in at least float32; `cap` bounds them smoothly."""
    scores = query @ keys.transpose(-1, -2)
    if scores.dtype in (torch.bfloat16, torch.float16):
        scores = scores.float()
    if cap is not None:
        scores = scores.div_(cap).tanh_().mul_(cap)
    return scores if mask is None else scores.add_(mask)


def mask_of(keep: Bool[torch.Tensor, ...], dtype: torch.dtype) -> Float[torch.Tensor, ...]:
    """0 where `keep`, minus infinity elsewhere."""
    return torch.zeros(keep.shape, dtype=dtype, device=keep.device).masked_fill_(~keep, float("-inf"))


def decoding_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    decoding: Context,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """What transformers calls in place of its own; `decoding` comes through the model's keyword arguments."""
    decoding.store(module.layer_idx, key, value)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return decoding.attend(module.layer_idx, query, scale, sliding_window, softcap), None


def register() -> None:
    """Make `NAME` known to transformers."""
    AttentionInterface.register(NAME, decoding_attention)
