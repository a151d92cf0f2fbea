"""What of this machine a study's runs get: how many at a time, and how many threads each."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from dsk.compare.planning import PlannedRun
from dsk.core.errors import DskError
from dsk.core.model.threads import CHOSEN

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PROCESS_BYTES = 700 << 20
"""A process with torch and transformers loaded, before any model."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def threads_per_run(jobs: int, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables that share the cores among `jobs` runs; none where the user has set any of them.

    They are a most: a run takes fewer where its model is small.
    """
    if any(name in given for name in THREAD_VARIABLES):
        return {}
    return {**dict.fromkeys(THREAD_VARIABLES, str(max(cores() // jobs, 1))), CHOSEN: "auto"}


def describe(jobs: int, threads: Mapping[str, str]) -> str:
    """One line for the user: how many runs share the machine, and with how many threads."""
    each = f"at most {threads[THREAD_VARIABLES[0]]} threads each" if threads else "threads as the environment sets them"
    return f"{jobs} at a time, {each} ({cores()} cores; --jobs changes it)"


def fitting_jobs(planned: Sequence[PlannedRun]) -> int:
    """How many of the runs this machine holds at a time: one a core as far as memory goes, and one on a GPU.

    One where a run cannot be sized: it will say why when it starts.
    """
    if min(len(planned), cores()) < 2:
        return 1
    from dsk.core.model.policy import free_bytes, pick_device
    from dsk.core.run.plan import make_plan

    specs = {run.arm: run.spec for run in planned}
    try:
        devices = [pick_device(spec.model.device) for spec in specs.values()]
        if any(device.type != "cpu" for device in devices):
            return 1
        largest = max(make_plan(spec).memory["total"] for spec in specs.values())
    except DskError:
        return 1
    return max(min(len(planned), cores(), free_bytes(devices[0]) // (largest + PROCESS_BYTES)), 1)
