"""How many threads torch computes with on a CPU, and how they wait; benchmarks/README.md has what was measured.

torch's OpenMP threads wait for each other by spinning. Where another process wants their core, the one that is needed
does not get it while the others spin: passive waiting gives the core away. And splitting the work of a small model
gains nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from functools import cache

ONE_THREAD_BELOW = 2_000_000
"""Models of fewer parameters compute with one thread."""
COUNT = "OMP_NUM_THREADS"
CHOSEN = "DSK_THREADS"
"""`auto` where the number in COUNT is a most, not a wish: set by `dsk compare` for its runs."""


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have waiting threads give their core away, unless the user set how they wait. Before torch is imported."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & environment.keys():
        environment["OMP_WAIT_POLICY"] = "passive"


def threads_for(parameters: int, most: int, environment: Mapping[str, str] = os.environ) -> int:
    """How many of `most` threads suit a model: all that the user asked for, or else one where it is small."""
    asked = COUNT in environment and environment.get(CHOSEN) != "auto"
    return most if asked or parameters >= ONE_THREAD_BELOW else 1


def fit_threads(parameters: int, device: str) -> None:
    """Set torch's threads for a model on `device` (a CPU's only)."""
    import torch

    if device == "cpu":
        torch.set_num_threads(threads_for(parameters, most_threads()))


@cache
def most_threads() -> int:
    """What torch was set to when this was first asked."""
    import torch

    return torch.get_num_threads()


def describe(most: int, cores: int | None, environment: Mapping[str, str] = os.environ) -> str:
    """One line for `dsk doctor`: how many threads, why, and what changes it."""
    if COUNT in environment:
        return f"{most} of {cores} ({COUNT} is set)"
    return f"{most} of {cores}, 1 for models under {ONE_THREAD_BELOW // 10**6}M parameters; set {COUNT} to change it"
