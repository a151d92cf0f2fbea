"""Writers for the kill test: `cache_writer.py SPEC FOLDER` forks one for each name on stdin, which puts until killed.

SPEC is the cache as JSON. On stdout `NAME pid PID` comes first, then `NAME STEP` after each `put`. A solution's
run and step say what its tokens and text must be (`expected`).
"""

from __future__ import annotations

import json
import os
import random
import signal
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
        yield CachedSolution(
            f"p{rng.randrange(20)}", tokens, tuple(-t / 3 for t in tokens), text, run, 0, step, step, "t"
        )


def write(cache: Cache, folder: str, run: str) -> None:
    """Put one batch after another, and say each once it is committed, until killed."""
    with cache.open(folder, *OWNER) as session:
        for step in count():
            new = session.put(list(expected(run, step)))
            assert new == BATCH, f"{new} of {BATCH} new"
            say(f"{run} {step}")
            session.get(f"p{step % 20}")


def say(line: str) -> None:
    """One short line in one write: the processes share the pipe, and lines this short are not torn."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def main(spec: str, folder: str) -> None:
    """Start a writer for each name on stdin."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    cache = make_cache(spec)
    for line in sys.stdin:
        if os.fork() == 0:
            run = line.strip()
            say(f"{run} pid {os.getpid()}")
            try:
                write(cache, folder, run)
            except BaseException as error:  # noqa: BLE001 - the pipe is its only way to report
                say(f"{run} failed {error!r}")
                os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
