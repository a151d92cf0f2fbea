"""A real Redis server of the test's own: a free port on loopback, everything in a temporary folder."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """`redis-server` that keeps its data over a restart, as `appendonly yes` promises."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
        self._binary, self._folder, self.port = binary, folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start, and return when it takes connections (its own log says so)."""
        options = [
            "--port",
            self.port,
            "--bind",
            "127.0.0.1",
            "--dir",
            self._folder,
            "--appendonly",
            "yes",
            "--save",
            "",
        ]
        command = [self._binary, *map(str, options)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        log = iter(self._process.stdout.readline, "")
        assert any("Ready to accept connections" in line for line in log), "redis-server did not start"
        return self

    def stop(self) -> None:
        """Kill it: the harshest way for a server to go away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def suspend(self) -> None:
        """Stop it from answering, connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
