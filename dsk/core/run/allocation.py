"""How many responses each problem of a batch gets, of as many in all as equal groups would take (Knapsack RL)."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

LEAST, MOST = 2, 128


def allocate(rates: Sequence[float], total: int) -> list[int]:
    """Sizes [problems] in 2..128 that add up to `total` where that is possible, the most valuable for pass rates `p`.

    The value of `N` responses is `(1 - p^N - (1 - p)^N) p (1 - p)^2` (Knapsack RL, 2509.25849): the chance that both
    outcomes are seen, weighted by what a success is worth. It is concave in `N`, so adding one response after another
    where it gains most is the optimum. What is left over, when nothing gains, goes to problems never solved, evenly.
    """
    sizes = [LEAST] * len(rates)
    gains = [(-_gain(p, LEAST), i) for i, p in enumerate(rates)]
    heapq.heapify(gains)
    left = total - sum(sizes)
    while left > 0 and gains and gains[0][0] < 0:
        _, i = heapq.heappop(gains)
        sizes[i] += 1
        left -= 1
        if sizes[i] < MOST:
            heapq.heappush(gains, (-_gain(rates[i], sizes[i]), i))
    _spread(sizes, [i for i, p in enumerate(rates) if p == 0] or list(range(len(rates))), left)
    return sizes


def value(rate: float, size: int) -> float:
    """What `size` responses to a problem of this pass rate are worth."""
    return (1 - rate**size - (1 - rate) ** size) * rate * (1 - rate) ** 2


def _gain(rate: float, size: int) -> float:
    return value(rate, size + 1) - value(rate, size)


def _spread(sizes: list[int], places: Sequence[int], left: int) -> None:
    """Give what is left to `places`, one each in turn, up to the most."""
    while left > 0 and any(sizes[i] < MOST for i in places):
        for i in places:
            if left > 0 and sizes[i] < MOST:
                sizes[i] += 1
                left -= 1
