"""The server itself: a socket on loopback, and how long it listens."""

from __future__ import annotations

import errno
import os
import socket

import uvicorn

from dsk.core.errors import PortError
from dsk.watch.app import make_app
from dsk.watch.watched import Watched

LOOPBACK = "127.0.0.1"
WAITING = 64
"""Connections that wait while the server starts."""


def stay_offline() -> None:
    """Let this process look for tokenizers on this machine only; call it before any is loaded."""
    os.environ["HF_HUB_OFFLINE"] = "1"


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback; port 0 is any free one. Raises PortError."""
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((LOOPBACK, port))
        place.listen(WAITING)
    except OSError as error:
        place.close()
        in_use = error.errno == errno.EADDRINUSE
        what = "is in use" if in_use else f"cannot be had ({error.strerror})"
        raise PortError(f"--port {port}: {what}; name another, or leave --port out for a free one") from error
    return place


def address(place: socket.socket) -> str:
    """What a browser is told."""
    return f"http://{LOOPBACK}:{place.getsockname()[1]}/"


def make_server(watched: Watched, place: socket.socket) -> uvicorn.Server:
    """The server for `serve(sockets=[place])`; it says nothing by itself and runs nothing but what it is asked."""
    return uvicorn.Server(
        uvicorn.Config(
            make_app(watched, place.getsockname()[1]),
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
