"""Checks that a call leaves the world as it was: global random state, threads, memory."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

LEAK_BYTES = 20_000
CALLS = 200


@contextmanager
def global_randomness_untouched() -> Iterator[None]:
    """Fails if the body draws from the global generators of `random` or numpy: runs would not repeat."""
    python, legacy = random.getstate(), np.random.get_state(legacy=False)
    yield
    assert random.getstate() == python, "it drew from `random`; use the rng argument"
    after = np.random.get_state(legacy=False)
    assert str(after) == str(legacy), "it drew from numpy's global generator; use the rng argument"


def retained_bytes(call: Callable[[int], Any]) -> int:
    """Bytes still held after 200 calls. The first 50 calls are left out: caches may fill once.

    Other threads of the process may allocate meanwhile, so a leak is measured up to three times, and the least is
    returned: what a call keeps shows in each of them.
    """
    for number in range(50):
        call(number)
    held = _held(call, 50)
    for again in (1, 2):
        if held >= LEAK_BYTES:
            held = min(held, _held(call, 50 + again * CALLS))
    return held


def _held(call: Callable[[int], Any], first: int) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(first, first + CALLS):
            call(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def in_threads(call: Callable[[int], Any], calls: int = 16) -> list[Any]:
    """The results of `call(0..calls - 1)`, made by four threads at once."""
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(call, range(calls)))
