"""A step costs what it costs, however many went before: counted, not timed.

1. A late step (the 100th, and in the full tests the 1,000th) executes as many lines of dsk as an early one, and nothing
   that a run holds grows in between.
2. No step reads events.jsonl; what is decided comes from the checkpoint's state, which does not grow either.
3. What a resume decides, it decides as the run that was not interrupted.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from scripted_rounds import Numbered, run_scripted, scripted_spec

import dsk
from dsk.core.errors import InterruptedRun
from dsk.core.run.checkpoint import RunState, latest_checkpoint, save_checkpoint
from dsk.core.run.ledger import Silent
from dsk.core.run.records import read_records
from dsk.core.run.session import Session
from dsk.core.types import named

PACKAGE = str(Path(dsk.__file__).parent)
WINDOW = 10
EARLY = range(WINDOW + 1, 2 * WINDOW + 1)


@dataclass
class Watched(Silent):
    """Counts what happens in each step: lines of dsk that run, bytes that are read, what the session holds."""

    late: range
    lines: Counter[int] = field(default_factory=Counter)
    read: Counter[int] = field(default_factory=Counter)
    held: dict[int, Counter[str]] = field(default_factory=dict)
    events_read: list[int] = field(default_factory=list)
    step: int = 0
    session: Any = None

    def record(self, record: Mapping[str, Any]) -> None:
        if record["event"] == "step":
            self.step = record["step"]
            traced = self.step in EARLY or self.step in self.late
            if traced:
                found = sizes("session", vars(self.session))
                self.held[self.step] = Counter({name: size for name, size in found if "listener" not in name})
            sys.settrace(self.trace if traced else None)

    def trace(self, frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        self.lines[self.step] += event == "line"
        return self.trace

    @contextmanager
    def watching(self) -> Iterator[None]:
        opened, read_bytes, watched, tracer = Session.__enter__, Path.read_bytes, self, sys.gettrace()

        def enter(session: Session) -> Session:
            watched.session = session
            return opened(session)

        def read(path: Path) -> bytes:
            data = read_bytes(path)
            watched.read[watched.step] += len(data)
            watched.events_read += [watched.step] if path.name == "events.jsonl" else []
            return data

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: None)
            patch.setattr(Session, "__enter__", enter)
            patch.setattr(Path, "read_bytes", read)
            try:
                yield
            finally:
                sys.settrace(tracer)


def sizes(name: str, value: Any, depth: int = 6) -> Iterator[tuple[str, int]]:
    """The length of every container that can be reached from `value`, by path."""
    parts: Any = None
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple | set | frozenset):
        parts = enumerate(value)
    elif isinstance(value, str | bytes):
        yield name, 0
    elif is_dataclass(value) and not isinstance(value, type):
        parts = named(value).items()
    elif type(value).__module__.startswith("dsk."):
        parts = vars(value).items() if hasattr(value, "__dict__") else ()
    if parts is not None and depth:
        parts = list(parts)
        yield name, len(parts)
        for key, part in parts:
            yield from sizes(f"{name}.{key}", part, depth - 1)


Long = tuple[Watched, list[RunState]]


@pytest.fixture(scope="module", params=[100, pytest.param(1000, marks=pytest.mark.full)])
def long_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Long:
    """Many steps of one round, none of which solves anything; evaluated on the way, trees kept."""
    steps = request.param
    watched, states = Watched(range(steps - WINDOW, steps)), list[RunState]()
    spec = scripted_spec(
        [0.0] * 5,
        0.0,
        task=Numbered(count=5, tests=1),
        rounds={"count": 1, "steps": steps},
        evaluate={"samples": 1, "hard_only": False, "every": 2},
        keep="trees",
        checkpoint_every=WINDOW,
    )
    with watched.watching():
        run_scripted(spec, tmp_path_factory.mktemp("long") / "run", lambda _, s, __: states.append(s), listener=watched)
    return watched, states


def test_a_late_step_runs_as_many_lines_as_an_early_one(long_run: Long) -> None:
    watched, _ = long_run
    early, late = (sum(watched.lines[step] for step in steps) for steps in (EARLY, watched.late))
    assert early > 1000 * WINDOW
    assert late <= 1.02 * early


def test_a_late_step_reads_no_more_than_an_early_one_and_never_the_events(long_run: Long) -> None:
    watched, _ = long_run
    assert sum(watched.read[step] for step in watched.late) <= sum(watched.read[step] for step in EARLY)
    assert watched.events_read == []


def most(held: list[Counter[str]]) -> Counter[str]:
    """The most of each, since steps have different problems."""
    return Counter({name: max(sizes[name] for sizes in held) for name in {n for sizes in held for n in sizes}})


def test_nothing_that_a_run_holds_grows_with_its_steps(long_run: Long) -> None:
    watched, states = long_run
    early, late = (most([watched.held[step] for step in steps]) for steps in (EARLY, watched.late))
    assert {name: size for name, size in late.items() if size > early[name]} == {}
    assert early["session.ledger.memory"] == 4
    assert len(repr(states[-2])) <= len(repr(states[0])) + 100


def finished(folder: Path) -> list[dict[str, Any]]:
    """What a run recorded, without what differs between any two runs."""
    machine = {"time", "seconds", "phase_seconds", "peak_memory_bytes"}
    other = {"seq", "engine", "computed_tokens", "computed_ratio"} | machine
    kept = [r for r in read_records(folder) if r["event"] != "resumed"]
    return [{name: value for name, value in record.items() if name not in other} for record in kept]


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5, 8, 11, 14])
def test_what_a_resume_decides_is_what_the_whole_run_decided(tmp_path: Path, stop_at: int) -> None:
    """Stopped at one event and resumed: screenings, evaluations and rounds are as if nothing had happened."""
    spec = scripted_spec(
        [0.3] * 5,
        0.01,
        task=Numbered(count=5, tests=1),
        rounds={"count": 3},
        evaluate={"samples": 2, "hard_only": False, "every": 1},
        checkpoint_every=1000,
    )
    whole = run_scripted(spec, tmp_path / "whole", save_checkpoint)
    seen = list[str]()
    watcher = Silent()
    watcher.record = lambda record: seen.append(record["event"])  # type: ignore[method-assign]
    with pytest.raises(InterruptedRun):
        run_scripted(spec, tmp_path / "cut", save_checkpoint, listener=watcher, should_stop=lambda: len(seen) > stop_at)
    assert latest_checkpoint(tmp_path / "cut" / "checkpoints") is not None
    cut = run_scripted(spec, tmp_path / "cut", save_checkpoint, resume=True)
    assert finished(cut.folder) == finished(whole.folder)
    for name in ("rounds", "before", "after", "steps", "updates"):
        assert cut.summary[name] == whole.summary[name]
