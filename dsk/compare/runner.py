"""Runs what a study still lacks, several processes at a time; every run can be interrupted and continued."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from dsk.compare.arms import Arm
from dsk.compare.machine import threads_per_run
from dsk.compare.planning import PlannedRun
from dsk.compare.runs import RunRecord, read_run
from dsk.core.run.files import writing
from dsk.core.run.folder import check_idle, read_status

INTERRUPTED = 130
WORKER = ("-m", "dsk.compare.worker")
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Outcome:
    """How a run's process ended: its exit code, wall-clock seconds, and the last thing it said."""

    run: PlannedRun
    code: int
    seconds: float
    last_line: str


def unfinished(planned: Sequence[PlannedRun]) -> list[PlannedRun]:
    """The runs that have to be started or continued. Raises RunFolderError for one that another process is running."""
    todo: list[PlannedRun] = []
    for run in planned:
        check_idle(run.folder)
        if read_status(run.folder)[0] != "finished":
            todo.append(run)
    return todo


class Runner:
    """Starts processes and passes interruptions on to them; `interrupted` says whether one came."""

    def __init__(
        self, mode: str, jobs: int, started: Callable[[PlannedRun], None], ended: Callable[[Outcome], None]
    ) -> None:
        self.mode, self.jobs, self.started, self.ended = mode, jobs, started, ended
        self.threads = threads_per_run(jobs)
        self.interrupted = False
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def run(self, planned: Sequence[PlannedRun]) -> list[Outcome]:
        """Run all of `planned`; a failure of one leaves the others alone."""
        heard = [n for n in STOPPING if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]  # nohup
        before: dict[int, Any] = {n: signal.signal(n, self._pass_on) for n in heard}
        try:
            with ThreadPoolExecutor(self.jobs) as pool:
                futures = [pool.submit(self._one, run) for run in planned]
                wait(futures)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return [outcome for future in futures if (outcome := future.result()) is not None]

    def stop(self) -> None:
        """Have every run save and stop."""
        self._pass_on(signal.SIGHUP, None)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        for process in list(self._processes):
            process.send_signal(number)

    def _one(self, run: PlannedRun) -> Outcome | None:
        log = run.folder.with_name(run.folder.name + ".log")
        clock = time.monotonic()
        with writing(log, "make room, then give the same command again"):
            run.folder.parent.mkdir(parents=True, exist_ok=True)
            out = log.open("w", encoding="utf-8")
        with out:
            process = self._start(run, out)
            if process is None:
                return None
            self.started(run)
            process.communicate(json.dumps({"spec": run.spec.dump(), "work": dict(run.work)}))
        self._processes.discard(process)
        # one that had no time to hear of it was stopped by the signal itself
        code = INTERRUPTED if self.interrupted and process.returncode < 0 else process.returncode
        outcome = Outcome(run, code, time.monotonic() - clock, _last_line(log))
        self.ended(outcome)
        return outcome

    def _start(self, run: PlannedRun, out: Any) -> subprocess.Popen[str] | None:
        """Start the run's process, in a session of its own so that Ctrl-C reaches it once, from here."""
        command = [sys.executable, *WORKER, self.mode, str(run.folder), str(os.getpid())]
        with self._lock:
            if self.interrupted:
                return None
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                text=True,
                env={**os.environ, **self.threads},
                start_new_session=True,
            )
            self._processes.add(process)
        if self.interrupted:
            process.send_signal(signal.SIGHUP)
        return process


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def arms_of(planned: Sequence[PlannedRun], outcomes: Sequence[Outcome] = ()) -> list[Arm]:
    """The study's arms as their folders stand now; a run that ended badly carries its one-line reason."""
    ended = {outcome.run.folder: outcome for outcome in outcomes}
    arms: dict[str, list[RunRecord]] = {}
    for run in planned:
        arms.setdefault(run.arm, []).append(read_planned(run, ended.get(run.folder)))
    return [Arm(name, tuple(runs)) for name, runs in arms.items()]


def read_planned(run: PlannedRun, outcome: Outcome | None = None) -> RunRecord:
    """What the run left, or that it is missing."""
    failed = outcome is not None and outcome.code not in (0, INTERRUPTED)
    reason = outcome.last_line or f"exit code {outcome.code}" if outcome else ""
    if not (run.folder / "spec.json").is_file():
        status = "failed" if failed else "missing"
        return RunRecord(run.folder, run.spec.name, run.seed, run.spec.dump(), status, reason, {}, (), (), ())
    record = read_run(run.folder)
    if failed and record.status != "failed":
        return replace(record, status="failed", reason=record.reason or reason)
    return record
