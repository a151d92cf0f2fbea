"""`dsk watch` on a folder: the real server on a real socket, asked as a client on the network would."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dsk.watch.server import listen, make_server
from dsk.watch.watched import Watched


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    port: int
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Reply:
        """One request with the target as it is; `Host` is this server's own unless given."""
        sent = {"Host": f"127.0.0.1:{self.port}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in (sent | ({"Content-Length": str(len(body))} if body else {})).items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        reply = connection.getresponse()
        found = Reply(reply.status, {n.lower(): v for n, v in reply.getheaders()}, reply.read())
        connection.close()
        return found

    def get(self, what: str, *runs: str) -> Any:
        """The JSON at an endpoint."""
        return self.ask(f"/api/{what}?{urlencode([('run', run) for run in runs])}").data

    def rows(self) -> dict[str, Any]:
        """The list by name."""
        return {row["name"]: row for row in self.get("runs")["runs"]}


@contextmanager
def serving(root: Path) -> Iterator[Client]:
    """A server on a free port while the block lasts."""
    with listen() as place:
        server = make_server(Watched(root), place)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            yield Client(place.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def still_running(folder: Path, whole: Path, records: int, pid: int) -> Path:
    """A copy of a finished run as it was after so many records, run by process `pid`."""
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("summary.json", "report.html", "checkpoints", "final"))
    (folder / "events.jsonl").write_bytes(b"")
    (folder / "status.json").write_text(json.dumps({"status": "running", "pid": pid}))
    go_on(folder, whole, records)
    return folder


def go_on(folder: Path, whole: Path, records: int) -> None:
    """The next records of the finished run happen in the copy, up to so many in all."""
    path = folder / "events.jsonl"
    have = len(path.read_bytes().splitlines())
    lines = (whole / "events.jsonl").read_bytes().splitlines(keepends=True)
    with path.open("ab") as file:
        file.writelines(lines[have:records])
