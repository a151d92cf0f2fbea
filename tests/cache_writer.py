"""One process of the kill test: `cache_writer.py SPEC FOLDER WRITER` puts solutions until it is killed.

SPEC is the cache as JSON. Each line on stdout is a step, printed after its `put` returned. A solution's
run and step say what its tokens and text must be (`expected`).
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from itertools import count

from dsk.components.caches.redis import Redis
from dsk.components.caches.sqlite import Sqlite
from dsk.core.roles import Cache
from dsk.core.types import CachedSolution

OWNER = ("kill-test", "none")
BATCH = 4


def make_cache(spec: str) -> Cache:
    """The cache that a spec names."""
    fields = json.loads(spec)
    return {"sqlite": Sqlite, "redis": Redis}[fields.pop("kind")](**fields)


def expected(run: str, step: int) -> Iterator[CachedSolution]:
    """The batch that writer `run` puts at `step`."""
    rng = random.Random(f"{run}/{step}")
    for index in range(BATCH):
        tokens = (*map(int, run.split(".")), step, index, *(rng.randrange(1 << 31) for _ in range(rng.randrange(400))))
        text = f"{run}/{step}/" + "x" * rng.randrange(2000)
        yield CachedSolution(f"p{rng.randrange(20)}", tokens, tuple(-t / 3 for t in tokens), text, run, 0, step, step)


def main(spec: str, folder: str, run: str) -> None:
    """Write until killed."""
    with make_cache(spec).open(folder, *OWNER) as cache:
        for step in count():
            new = cache.put(list(expected(run, step)))
            assert new == BATCH, f"{new} of {BATCH} new"
            sys.stdout.write(f"{step}\n")
            sys.stdout.flush()
            cache.get(f"p{step % 20}")


if __name__ == "__main__":
    main(*sys.argv[1:])
