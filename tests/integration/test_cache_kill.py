"""Eight processes write to one cache while one of them is killed -9 at random, again and again."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cache_writer import OWNER, expected, make_cache
from redis_server import RedisServer

from dsk.core.roles import CacheSession

WRITERS = 8
READ_EVERY_SECONDS = 0.005
SCRIPT = Path(__file__).parents[1] / "cache_writer.py"


class Crowd:
    """The writers, and what each of them said it had committed. One that is killed is replaced by a new one."""

    def __init__(self, spec: str, folder: Path) -> None:
        command = [sys.executable, str(SCRIPT), spec, str(folder)]
        self._nursery = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last_step: dict[str, int] = {}
        self._alive: dict[str, int] = {}
        for _ in range(WRITERS):
            self._start()

    def _start(self) -> None:
        run = str(len(self.last_step))
        self.last_step[run] = -1
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(run + "\n")
        self._nursery.stdin.flush()
        while run not in self._alive:
            self.listen(1)

    def listen(self, lines: int) -> bool:
        """Take in so many lines from whoever writes them; False at the end of all writers."""
        assert self._nursery.stdout is not None
        for _ in range(lines):
            line = self._nursery.stdout.readline()
            if not line:
                return False
            run, word, *rest = line.split(maxsplit=2)
            assert word != "failed", line
            if word == "pid":
                self._alive[run] = int(rest[0])
            else:
                self.last_step[run] = int(word)
        return True

    def kill_one_at_random(self, rng: random.Random) -> None:
        """End a writer by signal 9, wherever it is."""
        os.kill(self._alive.pop(rng.choice(sorted(self._alive))), signal.SIGKILL)
        self._start()

    def kill_all(self) -> None:
        """End everybody, and take in what they had said before."""
        for pid in self._alive.values():
            os.kill(pid, signal.SIGKILL)
        self._alive.clear()
        self._nursery.kill()
        while self.listen(1):
            pass
        for pipe in (self._nursery.stdin, self._nursery.stdout):
            assert pipe is not None
            pipe.close()
        self._nursery.wait()


class Reader(threading.Thread):
    """Reads all the while, waiting at most a second for anything; `fault` is what went wrong."""

    def __init__(self, spec: str, folder: Path) -> None:
        super().__init__()
        self._spec, self._folder, self.done, self.fault = spec, folder, threading.Event(), ""
        self.reads, self.longest = 0, 0.0

    def run(self) -> None:
        try:
            with make_cache(self._spec).open(str(self._folder), *OWNER) as cache:
                self._read(cache)
        except Exception as error:  # noqa: BLE001 - a thread's only way to report
            self.fault = repr(error)

    def _read(self, cache: CacheSession) -> None:
        seen: dict[str, int] = {}
        while not self.done.wait(READ_EVERY_SECONDS):
            problem, began = f"p{self.reads % 20}", time.perf_counter()
            found = len(cache.get(problem))
            self.longest = max(self.longest, time.perf_counter() - began)
            assert found >= seen.get(problem, 0), f"{problem} had {seen[problem]} solutions, now {found}"
            seen[problem], self.reads = found, self.reads + 1


def run_kill_test(spec: dict, reader_spec: dict, folder: Path, kills: int) -> int:
    """Solutions found whole after `kills` kills; every one that a writer said was committed is among them."""
    rng = random.Random(5)
    with make_cache(json.dumps(spec)).open(str(folder), *OWNER):
        crowd, reader = Crowd(json.dumps(spec), folder), Reader(json.dumps(reader_spec), folder)
        reader.start()
        try:
            crowd.listen(WRITERS)
            for _ in range(kills):
                crowd.listen(rng.randrange(1, 30))
                crowd.kill_one_at_random(rng)
            crowd.listen(WRITERS)
        finally:
            crowd.kill_all()
            reader.done.set()
            reader.join()
    assert not reader.fault
    assert reader.reads > 0
    with make_cache(json.dumps(spec)).open(str(folder), *OWNER) as cache:
        found = list(cache.entries())
    stored = {(s.run, s.step, s.tokens): s for s in found}
    assert len(stored) == len(found)
    for run, last in crowd.last_step.items():
        for step in range(last + 1):
            for solution in expected(run, step):
                assert stored.pop((run, step, solution.tokens)) == solution
    # what is left was committed by a writer that died before it could say so: one whole batch each
    for solution in stored.values():
        assert solution.step == crowd.last_step[solution.run] + 1
        assert solution in expected(solution.run, solution.step)
        assert all((s.run, s.step, s.tokens) in stored for s in expected(solution.run, solution.step))
    figures = {
        "kills": kills,
        "solutions": len(found),
        "unsaid": len(stored),
        "reads": reader.reads,
        "longest": reader.longest,
    }
    sys.stdout.write(f"{figures}\n")
    return len(found)


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.full)])
def test_no_kill_loses_or_corrupts_a_committed_solution_in_sqlite(tmp_path, kills):
    assert run_kill_test({"kind": "sqlite"}, {"kind": "sqlite", "busy_seconds": 1}, tmp_path, kills) > 0
    connection = sqlite3.connect(tmp_path / "cache.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


@pytest.mark.full
@pytest.mark.filterwarnings("error::dsk.components.caches.stores.exchange.CacheWarning")
def test_no_kill_loses_or_corrupts_a_committed_solution_in_redis(tmp_path):
    (tmp_path / "server").mkdir()
    server = RedisServer(tmp_path / "server").start()
    try:
        spec = {"kind": "redis", "url": server.url, "timeout_seconds": 30}
        assert run_kill_test(spec, {**spec, "timeout_seconds": 1}, tmp_path, 100) > 0
    finally:
        server.stop()
