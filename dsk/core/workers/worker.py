"""The process behind one worker of a pool: a supervisor and, under it, the child that does the dangerous work.

The supervisor (`python -m dsk.core.workers.worker CONFIG`) imports what the work needs once and forks; a child that
runs over its time or dies is killed and replaced by another fork in milliseconds, importing nothing again. It relays
JSON lines from its caller to the child, one at a time, and goes away (child first) when its caller does: at end of file
on stdin or when its parent process changes. Covered: endless computation, memory, crashes, a child that floods or
closes its output, a caller killed with -9. Not covered: what a user's own program does to files and network.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

MAX_REPLY = 1 << 20
ANSWERS_PER_CHILD = 5000
Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""A fork's reply to a task; one with `last` is the fork's last, because it may be damaged."""
_PR_SET_PDEATHSIG = 1
_GLANCE = 0.25


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker runs: `program` (argv), or forks of itself that answer as `module` says.

    `module` is one of Python's, by its full name; its `prepare(*arguments)`, called once before the first fork, returns
    an `Answer`.

    `cpu_limit` and `time_limit` are processor and wall-clock seconds per answer, whichever comes first: a crowded
    machine starves honest work, only hostile work burns. `start_limit` is wall-clock seconds more for a fresh
    program's first answer; `memory_mb` bounds the child's address space (MiB).
    """

    time_limit: float
    cpu_limit: float
    memory_mb: int
    program: tuple[str, ...] = ()
    start_limit: float = 0.0
    module: str = ""
    arguments: tuple[str, ...] = ()

    def dump(self) -> str:
        """As JSON, for the command line."""
        return json.dumps(asdict(self))


class CallerGoneError(Exception):
    """The process that this worker serves has ended."""


@dataclass
class Child:
    """A running child and the two pipe ends to it; `fresh` until it has answered once."""

    pid: int
    stdin: int
    stdout: int
    fresh: bool = True
    cpu_limit: float = 0.0


def cpu_seconds(pid: int) -> float:
    """Processor seconds that another process has used: Linux numbers such clocks by process id."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def limit_self(memory_mb: int) -> None:
    """In a child, before it does anything: die with the supervisor, a bounded address space, no core files."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    size = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve(answer: Answer, stdin: int, stdout: int) -> None:
    """A forked child's whole life: answer what comes in until it has done enough."""
    with os.fdopen(stdin, "rb") as lines, os.fdopen(stdout, "wb", buffering=0) as out:
        for count in range(1, ANSWERS_PER_CHILD + 1):
            line = lines.readline()
            if not line:
                return
            reply = answer(json.loads(line))
            if count == ANSWERS_PER_CHILD:
                reply["last"] = True
            out.write(json.dumps(reply).encode() + b"\n")
            if reply.get("last"):
                return


class Supervisor:
    """Relays tasks to one child at a time; `exchange` always returns within the limits."""

    def __init__(self, config: WorkerConfig) -> None:
        self.config = config
        self.parent = os.getppid()
        self.answer: Answer | None = None
        self.child: Child | None = None
        self.inbox = b""

    def run(self) -> None:
        """Serve until the caller is gone."""
        if not self.config.program:
            self.answer = import_module(self.config.module).prepare(*self.config.arguments)
        self._tell({"ready": True})
        try:
            while True:
                self._tell(self.exchange(self._next_line()))
        except (CallerGoneError, BrokenPipeError):
            pass
        finally:
            self.end_child()

    def _tell(self, reply: dict[str, Any]) -> None:
        data = json.dumps(reply).encode() + b"\n"
        while data:
            data = data[os.write(1, data) :]

    def _next_line(self) -> bytes:
        while b"\n" not in self.inbox:
            if select.select([0], [], [], 1.0)[0]:
                data = os.read(0, 1 << 16)
                if not data:
                    raise CallerGoneError
                self.inbox += data
            elif os.getppid() != self.parent:
                raise CallerGoneError
        line, _, self.inbox = self.inbox.partition(b"\n")
        return line + b"\n"

    def exchange(self, line: bytes) -> dict[str, Any]:
        """The child's reply to one task, or `{"reason": "timeout" | "exhausted" | "died" | "unparsable" | "surplus"}`.

        `timeout` is the wall clock's limit, `exhausted` the processor's, `surplus` a line that nothing asked for (it
        would be taken for the verdict on the next response). A program's reply is passed on unread, as
        `{"line": text}`, so that it is never taken for one of these.
        """
        try:
            child = self.child = self.child or self._start()
        except OSError:
            return {"reason": "died"}
        limit = self.config.time_limit + (self.config.start_limit if child.fresh else 0.0)
        child.cpu_limit = cpu_seconds(child.pid) + self.config.cpu_limit
        stray = self._stray(child) if self.config.program else None
        answer = stray or self._converse(child, line, time.monotonic() + limit)
        if isinstance(answer, str):
            self.end_child()
            return {"reason": answer}
        child.fresh = False
        if self.config.program:
            return {"line": answer.decode("utf-8", "replace")}
        try:
            reply = json.loads(answer)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            self.end_child()
            return {"reason": "unparsable"}
        if reply.get("last"):
            self.end_child()
        return reply

    def _converse(self, child: Child, line: bytes, deadline: float) -> bytes | str:
        """Write `line`, read one line; bytes, or the reason why there is none."""
        sent, received = 0, b""
        while b"\n" not in received:
            left = deadline - time.monotonic()
            if cpu_seconds(child.pid) > child.cpu_limit:
                return "exhausted"
            if left <= 0:
                return "timeout"
            writing = [child.stdin] if sent < len(line) else []
            readable, writable, _ = select.select([child.stdout, 0], writing, [], min(left, _GLANCE))
            if (0 in readable and not self._caller_there()) or os.getppid() != self.parent:
                raise CallerGoneError
            try:
                sent += os.write(child.stdin, line[sent : sent + 65536]) if writable else 0
            except BrokenPipeError:
                return "died"
            if child.stdout in readable:
                data = os.read(child.stdout, 1 << 16)
                if not data:
                    return "died"
                received += data
                if len(received) > MAX_REPLY:
                    return "unparsable"
        reply, _, rest = received.partition(b"\n")
        return "surplus" if rest and self.config.program else reply

    def _stray(self, child: Child) -> str | None:
        """Why a program that speaks before it is asked cannot be asked, or None."""
        if child.fresh or not select.select([child.stdout], [], [], 0)[0]:
            return None
        return "surplus" if os.read(child.stdout, 1 << 16) else "died"

    def _caller_there(self) -> bool:
        data = os.read(0, 1 << 16)
        self.inbox += data
        return bool(data)

    def _start(self) -> Child:
        child = self._start_program() if self.answer is None else self._fork(self.answer)
        os.set_blocking(child.stdin, False)
        return child

    def _fork(self, answer: Answer) -> Child:
        task_read, task_write = os.pipe()
        reply_read, reply_write = os.pipe()
        pid = os.fork()
        if pid:
            os.close(task_read)
            os.close(reply_write)
            return Child(pid, task_write, reply_read)
        _live_as_child(answer, self.config.memory_mb, (task_read, reply_write), (task_write, reply_read))
        raise AssertionError("a child never returns")

    def _start_program(self) -> Child:
        memory = self.config.memory_mb
        process = subprocess.Popen(
            self.config.program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: limit_self(memory),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        return Child(process.pid, os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno()))

    def end_child(self) -> None:
        """Kill the child and whatever it started in its group, and reap it."""
        if self.child is None:
            return
        child, self.child = self.child, None
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(child.pid, signal.SIGKILL)
        os.close(child.stdin)
        os.close(child.stdout)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)


def _live_as_child(answer: Answer, memory_mb: int, mine: tuple[int, int], theirs: tuple[int, int]) -> None:
    """What the forked child does from its first moment to `os._exit`: it must never run the supervisor's code."""
    try:
        os.setpgid(0, 0)
        limit_self(memory_mb)
        for fd in theirs:
            os.close(fd)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        serve(answer, *mine)
    finally:
        os._exit(0)


def main(run: Callable[[Supervisor], None] = Supervisor.run) -> None:
    """Entry point: the only argument is a WorkerConfig as JSON."""
    data = json.loads(sys.argv[1])
    run(Supervisor(WorkerConfig(**{**data, "program": tuple(data["program"])})))
    os._exit(0)  # tearing down what was imported takes longer than anyone should wait for


if __name__ == "__main__":
    main()
