"""Sampling and training by number of threads and by how idle threads wait, alone and beside a busy process.

    python benchmarks/threads.py [--models bundled llama-20m ...] [--repeats N] [--json FILE]

Each measurement is a process of its own, since OpenMP reads its settings when it is loaded; settings alternate, and
figures are medians. Sampling: 16 requests of 4 samples from prompts of 56 tokens. Training: a forward and backward
pass of rows of 256 tokens. `busy`: a process that computes without pause on the last core. Seconds are wall-clock,
CPU seconds those of the measured process: what its threads burn while they wait is in them. Work is done in eight equal
pieces; `at its fastest` is eight times the fastest piece: what an idle machine would take, if this one is not idle.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from policies import SHAPES, SOURCES, make_policy  # noqa: E402
from side_by_side import figure, show, write  # noqa: E402

WAITING: dict[str, dict[str, str]] = {"spinning": {}, "passive": {"OMP_WAIT_POLICY": "passive"}}
WORK = {"bundled": (8, 4), "llama-5m": (8, 2), "llama-20m": (4, 1)}
"""New tokens of a sample and rows of a training pass in one piece, where it is not (2, 1)."""
PIECES = 8


def measure(model: str) -> dict[str, float]:
    """Seconds of sampling and of training."""
    import torch

    policy = make_policy(model)
    tokens, rows = WORK.get(model, (2, 1))
    vocabulary = policy.model.config.vocab_size
    ids = torch.randint(3, vocabulary, (rows, 256), generator=torch.Generator().manual_seed(0))

    def train() -> None:
        policy.model(input_ids=ids, labels=ids).loss.backward()

    found = {f"sample {k}": v for k, v in timed(lambda: sample(policy, tokens, vocabulary)).items()}
    return found | {f"train {k}": v for k, v in timed(train).items()}


def sample(policy: Any, tokens: int, vocabulary: int) -> None:
    """16 requests of 4 samples of `tokens` tokens each."""
    from dsk.components.engines.transformers import Transformers
    from dsk.core.types import SampleRequest

    with Transformers.model_validate({"cache_bytes": 1 << 28}).open_once(policy) as session:
        for i in range(16):
            prompt = tuple(3 + (i + 7 * k) % (vocabulary - 3) for k in range(56))
            session.submit(SampleRequest(str(i), prompt, 4, tokens, seed=i))
        while session.poll():
            pass


def timed(work: Callable[[], None]) -> dict[str, float]:
    """Wall-clock and CPU seconds of all pieces after a first one that does not count."""
    work()
    pieces: list[tuple[float, float]] = []
    for _ in range(PIECES):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        pieces.append((time.perf_counter() - wall, time.process_time() - cpu))
    walls, cpus = zip(*pieces, strict=True)
    return {"seconds": sum(walls), "CPU seconds": sum(cpus), "seconds at its fastest": PIECES * min(walls)}


def run_child(model: str, threads: int, waiting: str) -> dict[str, float]:
    """A measurement in a process with these settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "MKL_"))}
    settings = ours | WAITING[waiting] | {"OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--child", model]
    return json.loads(subprocess.run(command, env=settings, check=True, capture_output=True, text=True).stdout)


@contextmanager
def beside(busy: bool) -> Iterator[None]:
    """With a process that keeps the last core busy, or without."""
    if not busy:
        yield
        return
    code = f"import os\nos.sched_setaffinity(0, {{{(os.cpu_count() or 1) - 1}}})\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Sampling and training by number of threads.")
    parser.add_argument("--models", nargs="*", choices=[*SHAPES, *SOURCES], default=[*WORK, "llama-135m"])
    parser.add_argument("--threads", nargs="*", type=int, default=[1, os.cpu_count()])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--waiting", nargs="*", choices=list(WAITING), default=list(WAITING))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.child)))
        return
    found: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(args.repeats):
        for model, busy in ((model, busy) for model in args.models for busy in (False, True)):
            for threads, waiting in (
                (t, w) for t in args.threads for w in args.waiting if t > 1 or w == args.waiting[0]
            ):
                name = f"{model}, {'busy' if busy else 'alone'}, {threads} {waiting if threads > 1 else ''}".strip()
                with beside(busy):
                    for what, seconds in run_child(model, threads, waiting).items():
                        found[f"{name}: {what}"].append(seconds)
    figures = [figure(name, statistics.median(values), "s") for name, values in found.items()]
    show(figures)
    write(args.json, figures, repeats=args.repeats)


if __name__ == "__main__":
    main()
