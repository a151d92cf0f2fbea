"""The tests' small run in processes of their own: `small_process.py run MODEL ...` is `dsk run`, without a spec file;
`study MODEL FOLDER` is what `dsk compare` does with one run; `worker MODE FOLDER PARENT` is its child.

A run halts in its second step, says so in one FIFO, and goes on when another, DSK_TEST_GATE, is opened.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from small_run import Contains, small_spec

import dsk.cli
import dsk.core.loading
import dsk.core.run.run_spec
from dsk.core.spec import RunSpec
from dsk.core.types import Problem, Verdict

STEPS = {"rounds": {"count": 1, "steps": 4}, "checkpoint_every": 100}


class Gated(Contains):
    """Judges nothing of the second step before the gate opens."""

    kind = "gated"

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        folder = Path(os.environ["DSK_TEST_FOLDER"])
        events = folder / "events.jsonl"
        if events.is_file() and '"event":"step"' in events.read_text() and "DSK_TEST_GATE" in os.environ:
            Path(os.environ["DSK_TEST_AT_GATE"]).write_text("x")
            Path(os.environ.pop("DSK_TEST_GATE")).read_text()
        return super().verify(items)


def small(model: Path) -> RunSpec:
    """The run, on a model in a folder."""
    return small_spec(model, verifier=Gated(), **STEPS)


def study(model: Path, folder: Path) -> None:
    """One run under a Runner."""
    from dsk.compare import runner
    from dsk.compare.planning import PlannedRun

    runner.WORKER = (__file__, "worker")
    planned = PlannedRun("arm", 0, small(model), folder)
    runner.Runner("train", 1, lambda run: None, lambda outcome: None).run([planned])


def worker() -> int:
    """The run of the study; what the parent sends as its spec names components that are not registered."""
    from dsk.compare import worker as module

    module.ORPHAN_SECONDS = int(os.environ.get("DSK_TEST_ORPHAN_SECONDS", module.ORPHAN_SECONDS))
    dsk.core.loading.parse_spec = lambda data: small(Path(data["model"]["path"]))
    return module.main()


if __name__ == "__main__":
    role = sys.argv.pop(1)
    if role == "run":
        dsk.core.run.run_spec.run_spec = lambda model, _, folder, **__: (small(model), folder)
        sys.argv[0:1] = ["dsk", "run"]
        dsk.cli.main()
    elif role == "study":
        study(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        sys.exit(worker())
