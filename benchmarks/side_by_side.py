"""What benchmarks share: variants in processes of their own, alternating runs, figures, and the file they go to.

A variant has a process to itself, because peak memory is the process's largest resident set and because some engines
change the process they live in. Only one of them works at a time.
"""

from __future__ import annotations

import json
import multiprocessing
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Run = Callable[[str], Any]
Figure = dict[str, Any]


def alternate(
    variants: Mapping[str, tuple[Callable[..., Run], Sequence[Any]]], runs: Mapping[str, Sequence[str]], repeats: int
) -> Iterator[tuple[str, str, Any]]:
    """Variant, run and result, as they come; `repeats` of each.

    `variants` says how each process prepares: a function and its arguments, picklable, which gives a function of the
    run's name; `runs` names the runs of each variant. Rounds over all variants follow each other.
    """
    pipes = {name: _start(make, arguments) for name, (make, arguments) in variants.items()}
    for _ in range(repeats):
        for name, pipe in pipes.items():
            for run in runs[name]:
                pipe.send(run)
                yield name, run, pipe.recv()
    for pipe in pipes.values():
        pipe.send(None)


def _start(make: Callable[..., Run], arguments: Sequence[Any]) -> Connection:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    context.Process(target=_serve, args=(theirs, make, arguments)).start()
    theirs.close()
    ours.recv()
    return ours


def _serve(pipe: Connection, make: Callable[..., Run], arguments: Sequence[Any]) -> None:
    run = make(*arguments)
    pipe.send(None)
    while (name := pipe.recv()) is not None:
        pipe.send(run(name))


def figure(name: str, value: float, unit: str, target: str | None = None) -> Figure:
    """One row of a benchmark."""
    return {"name": name, "value": float(f"{value:.5g}"), "unit": unit, "target": target}


def show(figures: Iterable[Figure]) -> None:
    """Print rows as they come."""
    for row in figures:
        print(f"{row['name']:58} {row['value']:>12} {row['unit']:10} {row['target'] or ''}", flush=True)


def write(path: Path | None, figures: Sequence[Figure], **settings: Any) -> None:
    """Write figures and where they were taken, if a path is given."""
    if path:
        machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
        path.write_text(json.dumps({"figures": figures, "machine": machine | settings}, indent=1) + "\n")
