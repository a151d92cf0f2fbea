"""Signal, noise and bias of an arm's gradients, from products of independent parts alone.

With gradients g of an arm's batches (mean m), and the reference r, the gradient of the expected reward:

    signal = (m.r / |r|)^2             noise = E|g - m|^2            cosine = m.r / (|m| |r|)
    rate = signal / (noise x tokens a batch)
    step = signal / (E|g|^2 x tokens a batch)
    unit = (E[g / |g|].r / |r|)^2 / (P(g != 0) x tokens a batch)

Every product is taken between different batches and between different parts of the reference, so that none is one of
noise with itself, and each estimate of a square is unbiased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsk.compare.fixed.jackknife import Figure, figure, log_figure, share_figure

if TYPE_CHECKING:
    from jaxtyping import Float

MILLION = 1e6
Values = Mapping[str, np.ndarray]
SUMMED = ("squares", "counts", "tokens", "seconds", "groups", "silent")
"""Columns of `Batches` that have one number a batch."""
FIGURES = ("per_token", "per_second", "step", "unit", "cosine", "silent")


@dataclass(frozen=True)
class Batches:
    """An arm's batches [B] (or a bin's groups, batch by batch), and the reference's parts [H].

    `gram` are products of the batches' summed gradients, `against` those with the reference's parts, `reference` those
    among the parts. `squares` are the summed squares of the `counts` gradients of a batch, whose charged tokens,
    seconds, groups and silent ones are summed too.
    """

    gram: Float[np.ndarray, "B B"]
    against: Float[np.ndarray, "B H"]
    reference: Float[np.ndarray, "H H"]
    squares: Float[np.ndarray, " B"]
    counts: Float[np.ndarray, " B"]
    tokens: Float[np.ndarray, " B"]
    seconds: Float[np.ndarray, " B"]
    groups: Float[np.ndarray, " B"]
    silent: Float[np.ndarray, " B"]

    def only(self, places: Sequence[int]) -> Batches:
        """Some of the batches, in this order."""
        kept = np.asarray(places, np.int64)
        columns = {name: getattr(self, name)[kept] for name in SUMMED}
        return Batches(self.gram[np.ix_(kept, kept)], self.against[kept], self.reference, **columns)


@dataclass(frozen=True)
class Replicates:
    """Every figure of all batches and parts, without each batch, and without each part."""

    whole: Mapping[str, float]
    batches: Values
    parts: Values


def replicates(found: Batches, units: Batches) -> Replicates:
    """All that intervals are made of; `units` are the same batches with gradients at length 1."""
    count, parts = found.against.shape
    everything, every_part = np.ones((1, count)), np.ones((1, parts))

    def both(batches: np.ndarray, kept: np.ndarray) -> Values:
        return {**figures(found, batches, kept), "unit": figures(units, batches, kept)["step"]}

    whole = both(everything, every_part)
    return Replicates(
        {name: float(values[0]) for name, values in whole.items()},
        both(1 - np.eye(count), every_part),
        both(everything, 1 - np.eye(parts)),
    )


def figures(found: Batches, batches: Float[np.ndarray, "L B"], parts: Float[np.ndarray, "L H"]) -> Values:
    """Figures [L] over the batches and parts that are kept (1) and not left out (0); NaN where there is no pair."""
    count, kept = batches @ found.counts, parts.sum(axis=1)
    pairs, part_pairs = count**2 - batches @ found.counts**2, kept**2 - kept
    with np.errstate(invalid="ignore", divide="ignore"):
        square = (_quadratic(batches, found.gram) - batches @ np.diag(found.gram)) / pairs
        reference = (_quadratic(parts, found.reference) - parts @ np.diag(found.reference)) / part_pairs
        signal = _crossed(found.against, batches, parts) / (pairs * part_pairs) / reference
        along = (batches @ found.against * parts).sum(axis=1) / (count * kept)
        mean_square = batches @ found.squares / count
        noise = mean_square - square
        tokens, seconds = batches @ found.tokens / count / MILLION, batches @ found.seconds / count
        return {
            "per_token": signal / noise / tokens,
            "per_second": signal / noise / seconds,
            "step": signal / mean_square / tokens,
            "cosine": along / np.sqrt(square * reference),
            "silent": (batches @ found.silent) / (batches @ found.groups) + 0 * kept,
        }


def _quadratic(masks: Float[np.ndarray, "L N"], matrix: Float[np.ndarray, "N N"]) -> Float[np.ndarray, " L"]:
    return np.einsum("ln,ln->l", masks @ matrix, masks)


def _crossed(against: np.ndarray, batches: np.ndarray, parts: np.ndarray) -> Float[np.ndarray, " L"]:
    """The sum of (g.r)(g'.r') over pairs of different batches and different parts."""
    sums = batches @ against
    same_part = (sums**2 * parts).sum(axis=1)
    same_batch = (batches * (parts @ against.T) ** 2).sum(axis=1)
    same_both = (batches @ against**2 * parts).sum(axis=1)
    return (sums * parts).sum(axis=1) ** 2 - same_part - same_batch + same_both


def summarise(found: Replicates) -> dict[str, Figure]:
    """Every figure with its interval."""
    kinds = {"cosine": figure, "silent": share_figure}
    return {
        name: kinds.get(name, log_figure)(found.whole[name], [found.batches[name], found.parts[name]])
        for name in FIGURES
    }


def ratio(arm: Replicates, baseline: Replicates, name: str) -> Figure:
    """Arm / baseline of a figure: both without the same batch, and without the same part of the reference."""
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = [arm.batches[name] / baseline.batches[name], arm.parts[name] / baseline.parts[name]]
        return log_figure(float(np.divide(arm.whole[name], baseline.whole[name])), left_out)
