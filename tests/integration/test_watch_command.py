"""`dsk watch` and `dsk run --watch` as processes: what they say, and that neither harms the run."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from dsk.watch.beside import watched_beside
from dsk.watch.server import listen

pytestmark = pytest.mark.full

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.json"
SHORT = [
    "name=small", "task.train_problems=3", "task.test_problems=2", "screen.samples=1", "screen.threshold=1",
    "rollout.max_expansions=4", "rounds.count=1", "rounds.steps=1", "train.batch_problems=3", "evaluate.samples=1",
    "train.mini_batch_problems=3", "train.refill=0", "replay=null",
]  # fmt: skip
SETS = [word for value in SHORT for word in ("--set", value)]


def start(*words: str | Path, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dsk", *map(str, words)]
    pipe = subprocess.PIPE
    wide = {**os.environ, "COLUMNS": "80"}
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=wide)


def ask(address: str) -> int:
    with urllib.request.urlopen(address.split("#")[0], timeout=300) as answer:
        return answer.status


def served_by(process: subprocess.Popen[str]) -> tuple[str, psutil.Process]:
    """The address that a run says it is watched at, and the server."""
    assert process.stdout is not None
    found = re.match(r"Watch: (http://127\.0\.0\.1:\d+/#run=\S+) ", process.stdout.readline())
    assert found is not None
    children = psutil.Process(process.pid).children()
    [server] = [child for child in children if "dsk.watch.beside" in child.cmdline()]
    return found.group(1), server


def test_a_missing_folder_and_a_port_in_use_are_one_line_each(tmp_path):
    with listen() as place:
        port = place.getsockname()[1]
        for words in (["nowhere"], [".", "--port", str(port)]):
            said, error = (process := start("watch", *words, folder=tmp_path)).communicate()
            assert (process.returncode, said, error.count("\n")) == (2, "", 1)
    assert error == f"dsk: --port {port}: is in use; name another, or leave --port out for a free one\n"


def test_no_runs_are_waited_for_and_ctrl_c_ends_with_one_line(tmp_path):
    process = start("watch", tmp_path, folder=tmp_path)
    assert process.stdout is not None
    address = re.search(r"http://\S+", process.stdout.readline())
    assert process.stdout.readline() == "There are no runs in it yet; they appear as they begin.\n"
    assert address is not None
    assert ask(address.group()) == 200
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert (process.returncode, error) == (130, "dsk: stopped watching; the runs go on\n")


def test_a_run_is_watched_until_it_ends(tmp_path):
    process = start("run", QUICKSTART, *SETS, "--watch", folder=tmp_path)
    address, server = served_by(process)
    assert address.endswith("/#run=small")
    assert ask(address) == 200
    process.communicate()
    assert process.returncode == 0
    assert not server.is_running()


def test_a_run_goes_on_when_its_server_is_killed(tmp_path):
    process = start("run", QUICKSTART, *SETS, "--watch", folder=tmp_path)
    _, server = served_by(process)
    server.kill()
    process.communicate()
    assert process.returncode == 0
    assert (tmp_path / "runs" / "small" / "summary.json").exists()


def test_the_server_ends_when_the_run_is_killed(tmp_path):
    process = start("run", QUICKSTART, *SETS, "--watch", folder=tmp_path)
    _, server = served_by(process)
    process.kill()
    process.communicate()
    assert psutil.wait_procs([server], timeout=300)[1] == []


def test_the_server_beside_a_run_does_not_outlive_the_block(tmp_path):
    with watched_beside(tmp_path) as address:
        assert ask(address) == 200
    port = int(address.rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
