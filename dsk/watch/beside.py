"""The server in a process of its own beside a run: nothing that happens to it touches the run, and it ends with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsk.watch.server import address, listen, make_server, stay_offline
from dsk.watch.watched import Watched

POLITE = 5
"""How much the server gives way to the run (`nice`)."""
LAST_SECONDS = 5.0


@contextmanager
def watched_beside(root: Path) -> Iterator[str]:
    """Within the block a process serves `root`; its address. Raises PortError where there is no port for it.

    The process ends when its standard input does, so also when this process is killed. Signals of the terminal are
    not for it: a run that is told to stop can be watched while it saves.
    """
    with listen() as place:
        where, number = address(place), place.fileno()
        words = [sys.executable, "-m", "dsk.watch.beside", str(root.absolute()), str(number)]
        nowhere = subprocess.DEVNULL
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, pass_fds=[number], start_new_session=True
        )
    try:
        yield where
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(LAST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Serve the folder of the first argument on the listening socket of the second, as long as standard input lasts."""
    os.nice(POLITE)
    stay_offline()
    root, number = sys.argv[1:]
    place = socket.socket(fileno=int(number))
    server = make_server(Watched(Path(root)), place)

    def await_end() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=await_end, daemon=True).start()
    server.run(sockets=[place])


if __name__ == "__main__":
    main()
