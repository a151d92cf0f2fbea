"""A pool of killable workers: tasks in, replies out, in order, and never later than the limits allow.

One thread of this process feeds one worker process (`worker.py`); threads and processes start with the first task.
Works from any thread, from asyncio executors, inside actors and after a fork (the fork gets workers of its own).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import dsk
from dsk.core.errors import VerifierError
from dsk.core.workers.worker import WorkerConfig

START_SECONDS = 300.0
GRACE_SECONDS = 5.0
HOPELESS = 8
"""Answers that a worker died on, one after another, before its user had better look at what it runs."""
TIMEOUT = {"reason": "timeout"}
Task = tuple[bytes, float, "Future[dict[str, Any]]"]


def worker_environment() -> dict[str, str]:
    """Variables of a process that imports the dsk that this one runs."""
    root = str(Path(dsk.__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


class Worker:
    """One supervisor process, started when needed and replaced when it stops answering."""

    def __init__(self, config: WorkerConfig, owner: str) -> None:
        self.config, self.owner = config, owner
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`

    def ask(self, line: bytes) -> dict[str, Any]:
        """The reply to one task. Raises VerifierError only where no worker can be started at all."""
        if self.process is None:
            self._start()
        limit = self.config.time_limit + self.config.start_limit + GRACE_SECONDS
        reply = self._exchange(line, time.monotonic() + limit)
        if reply is None:
            # The supervisor itself is stopped or killed: its own limits did not fire.
            self.stop()
            return TIMEOUT
        return json.loads(reply)

    def _start(self) -> None:
        if not sys.executable:
            raise VerifierError(f"{self.owner}: this Python has no sys.executable, so no worker process can be started")
        self._errors.seek(0)
        self._errors.truncate()
        self.starts += 1
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dsk.core.workers.worker", self.config.dump()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=worker_environment(),
            start_new_session=True,
        )
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        if self._exchange(b"", time.monotonic() + START_SECONDS) is None:
            self.stop()
            self._errors.seek(0)
            last = self._errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            raise VerifierError(f"{self.owner}: a worker process does not start: {''.join(last) or 'no message'}")

    def _exchange(self, line: bytes, deadline: float) -> bytes | None:
        """Send `line` and read one line; None at the deadline or when the process ends."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        stdin, stdout = self.process.stdin.fileno(), self.process.stdout.fileno()
        received = b""
        while not received.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            readable, writable, _ = _wait(stdout, stdin if line else None, left)
            try:
                line = line[os.write(stdin, line[:65536]) :] if writable else line
            except BrokenPipeError:
                return None
            if readable:
                data = os.read(stdout, 1 << 16)
                if not data:
                    return None
                received += data
        return received

    def stop(self) -> None:
        """End the process: end of file first, so that it takes its child with it, then by force."""
        process, self.process = self.process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(reading: int, writing: int | None, seconds: float) -> tuple[bool, bool, None]:
    """poll(2), since select(2) fails beyond descriptor 1023."""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    if writing is not None:
        poll.register(writing, select.POLLOUT)
    ready = dict(poll.poll(seconds * 1000))
    return reading in ready, writing is not None and writing in ready, None


class WorkerPool:
    """`size` workers behind one queue, for `owner` (a role). Thread-safe; close it (it is a context manager)."""

    def __init__(self, config: WorkerConfig, size: int, owner: str = "verifier") -> None:
        self.config = config
        self.size = size
        self.owner = owner
        self._lock = threading.Lock()
        self._closed = False
        self.deaths = 0
        """Tasks in a row, up to the last, on which a worker's child died."""
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: list[Worker] = []

    def run(self, tasks: Sequence[Mapping[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """One reply per task, in order; tasks not begun within `seconds` are answered `timeout`."""
        if not tasks:
            return []
        self._ensure_started()
        deadline = time.monotonic() + seconds
        futures: list[Future[dict[str, Any]]] = []
        for task in tasks:
            future: Future[dict[str, Any]] = Future()
            futures.append(future)
            self._tasks.put((json.dumps(task, default=str).encode() + b"\n", deadline, future))
        replies = [future.result() for future in futures]
        for reply in replies:
            self.deaths = self.deaths + 1 if reply.get("reason") == "died" else 0
        return replies

    def _ensure_started(self) -> None:
        with self._lock:
            if self._closed:
                raise VerifierError(f"{self.owner}: it is closed; call it inside its `with` block")
            if self._pid != os.getpid():
                self._reset()
            if self._threads:
                return
            self._workers = [Worker(self.config, self.owner) for _ in range(self.size)]
            self._threads = [
                threading.Thread(target=_feed, args=(self._tasks, worker), daemon=True, name=f"dsk-{self.owner}")
                for worker in self._workers
            ]
            for thread in self._threads:
                thread.start()

    def pids(self) -> list[int]:
        """Process ids of the running workers."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    def close(self) -> None:
        """Stop every worker; tasks still queued are answered `timeout`."""
        with self._lock:
            self._closed = True
            if self._pid != os.getpid():
                return
        with contextlib.suppress(queue.Empty):
            while True:
                task = self._tasks.get_nowait()
                if task is not None:
                    task[2].set_result(TIMEOUT)
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _feed(tasks: queue.SimpleQueue[Task | None], worker: Worker) -> None:
    """A worker thread: pass on tasks until told to stop."""
    while (task := tasks.get()) is not None:
        line, deadline, future = task
        if time.monotonic() >= deadline:
            future.set_result(TIMEOUT)
            continue
        try:
            future.set_result(worker.ask(line))
        except (VerifierError, OSError, ValueError) as error:
            future.set_exception(error)
    worker.stop()
