"""What it costs to write a step's groups and to read them back, in microseconds a token.

`python benchmarks/records.py --json records.json`. Groups are random (their log-probabilities compress less than a
model's): small ones like the quickstart's, long ones like the paper's, and long ones that begin with a given prefix and
say for each token whether it is trained. The least of `--repeats`, to memory-backed or other disk as `--folder` says.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import Figure, figure, show, write

from dsk.core.run.stored_groups import read_groups, write_groups
from dsk.core.types import Group, Problem, Terminal, Trajectory

SHAPES = {"20 groups x 16 x 150 tokens": (20, 16, 150), "64 groups x 8 x 4,000 tokens": (64, 8, 4000)}
TARGET = "<= 2"
STEPS, GIVEN, VOCABULARY = 10, 0.25, 150_000


def random_group(rng: np.random.Generator, trajectories: int, tokens: int, masked: bool) -> Group:
    """A tree's group: ten steps a trajectory, twice as many verified ends as trajectories."""
    responses = tuple(_trajectory(rng, tokens, masked) for _ in range(trajectories))
    ends = tuple(Terminal(tuple(range(1, STEPS + 1)), 1.0, tokens) for _ in range(2 * trajectories))
    prompt = tuple(rng.integers(0, VOCABULARY, 100).tolist())
    return Group(Problem("p", "What is it? " * 20, "42"), prompt, responses, "search", {"filtered": 0.0}, ends)


def _trajectory(rng: np.random.Generator, tokens: int, masked: bool) -> Trajectory:
    given = int(tokens * GIVEN) if masked else 0
    return Trajectory(
        tokens=rng.integers(0, VOCABULARY, tokens),
        logprobs=-rng.exponential(0.4, tokens),
        node_lengths=np.diff(np.linspace(given, tokens, STEPS + 1).astype(int)),
        node_ids=tuple(range(1, STEPS + 1)),
        values=tuple(rng.random(STEPS).tolist()),
        mean_rewards=tuple(rng.random(STEPS + 1).tolist()),
        reward=1.0,
        entropy=0.4,
        stop="eos",
        version=3,
        origin="search",
        answer="42",
        path=tuple(range(STEPS)),
        trained=rng.random(tokens) < 0.5 if masked else None,  # type: ignore[arg-type]
    )


def figures(folder: Path, repeats: int) -> Iterator[Figure]:
    """A row for writing, one for reading and one for the size of each shape."""
    file = folder / "groups.jsonl.zst"
    for name, (count, trajectories, tokens) in SHAPES.items():
        for masked in (False, True) if tokens == max(shape[2] for shape in SHAPES.values()) else (False,):
            rng, told = np.random.default_rng(0), f"{name}, masked" if masked else name
            groups = [random_group(rng, trajectories, tokens, masked) for _ in range(count)]
            total = count * trajectories * tokens
            written, read = _least(repeats, write_groups, file, groups), _least(repeats, read_groups, file)
            yield figure(f"write, {told}", written / total * 1e6, "us/token", TARGET)
            yield figure(f"read, {told}", read / total * 1e6, "us/token", TARGET)
            yield figure(f"size, {told}", file.stat().st_size / total, "B/token")


def _least(repeats: int, work: Callable[..., Any], *arguments: Any) -> float:
    seconds: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        work(*arguments)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write; default: the system's temporary folder")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for row in figures(Path(folder), args.repeats):
            show([row])
            found.append(row)
    write(args.json, found, repeats=args.repeats)


if __name__ == "__main__":
    main()
