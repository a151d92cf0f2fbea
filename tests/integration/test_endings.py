"""However a run's terminal, pipe or parent goes, it saves, says so, and is resumed to the figures of a whole run."""

import json
import os
import pty
import selectors
import signal
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest
from small_process import STEPS
from small_run import Contains, figures, same, save_model, small_spec

import dsk
from dsk.core.run.checkpoint import latest_checkpoint
from dsk.core.run.folder import read_status

SCRIPT = Path(__file__).parents[1] / "small_process.py"


class Gate:
    """Holds a process within its second step; `wait` returns when it is there, `open` lets it go on."""

    def __init__(self, folder):
        self._at_gate, self._gate, self.folder = folder.with_name("at_gate"), folder.with_name("gate"), folder
        os.mkfifo(self._at_gate)
        os.mkfifo(self._gate)

    def start(self, *words, **options):
        given = {"FOLDER": str(self.folder), "AT_GATE": str(self._at_gate), "GATE": str(self._gate)}
        env = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
        env |= {f"DSK_TEST_{name}": value for name, value in given.items()}
        self._process = subprocess.Popen([sys.executable, str(SCRIPT), *map(str, words)], env=env, **options)
        return self._process

    def wait(self):
        """Until a process is at the gate; fails where the one that was started ends before."""
        told, ended = os.open(self._at_gate, os.O_RDONLY | os.O_NONBLOCK), os.pidfd_open(self._process.pid)
        with selectors.DefaultSelector() as either:
            either.register(told, selectors.EVENT_READ)
            either.register(ended, selectors.EVENT_READ)
            first = {key.fd for key, _ in either.select()}
        assert told in first, f"ended with {self._process.wait()} before the gate"
        os.close(told)
        os.close(ended)

    def open(self):
        self._gate.write_text("")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """The run without an interruption."""
    return dsk.run(small_spec(model, verifier=Contains(), **STEPS), tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "run")


def resumed(model, folder, monkeypatch):
    """The figures of the run once it is continued in this process."""
    from small_process import small

    monkeypatch.setenv("DSK_TEST_FOLDER", str(folder))
    return figures(dsk.run(small(model), folder, resume=True).records)


def assert_saved(folder):
    status, reason = read_status(folder)
    assert (status, "state is saved" in reason) == ("interrupted", True)
    kept = latest_checkpoint(folder / "checkpoints")
    assert kept is not None
    assert kept.name >= "000001", "the first step is in the checkpoint"


def test_a_closed_terminal_saves(whole, model, gate, monkeypatch):
    master, terminal = pty.openpty()

    def take_terminal():
        os.setsid()
        ioctl(terminal, termios.TIOCSCTTY, 0)

    ends = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    process = gate.start("run", model, "--folder", gate.folder, preexec_fn=take_terminal, **ends)
    os.close(terminal)
    gate.wait()
    os.close(master)
    gate.open()
    assert process.wait() == 130
    assert_saved(gate.folder)
    assert same(resumed(model, gate.folder, monkeypatch), figures(whole.records))


@pytest.mark.parametrize("closed", ["stdout", "stderr", "both"])
def test_a_closed_pipe_saves(whole, model, gate, monkeypatch, closed):
    """As `dsk run ... | head -1` leaves it; standard error is written to when the run is asked to stop."""
    ends = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT if closed == "both" else subprocess.PIPE}
    process = gate.start("run", model, "--folder", gate.folder, **ends)
    gate.wait()
    if closed in ("stdout", "both"):
        process.stdout.close()
    if closed == "stderr":
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
    gate.open()
    said = process.stderr.read().decode() if closed == "stdout" else ""
    assert process.wait() == 130
    if closed == "stdout":
        first, last = said.strip().splitlines()
        assert first.startswith("stopping: finishing the current micro-batch and saving")
        assert last.startswith("dsk: interrupted")
    assert_saved(gate.folder)
    assert same(resumed(model, gate.folder, monkeypatch), figures(whole.records))


def test_a_second_interrupt_stops_at_once_and_a_second_hangup_does_not(model, gate):
    process = gate.start("run", model, "--folder", gate.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    gate.wait()
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGINT):
        process.send_signal(number)
        assert process.stderr.readline().startswith(b"stopping: ")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130, "the gate is still closed"
    assert read_status(gate.folder) == ("interrupted", "stopped at once; resume from the last checkpoint")


def test_under_nohup_a_hangup_is_nothing(model, gate):
    ignored = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = gate.start("run", model, "--folder", gate.folder, **ignored, **silent)
    gate.wait()
    process.send_signal(signal.SIGHUP)
    gate.open()
    assert process.wait() == 0
    assert read_status(gate.folder)[0] == "finished"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_a_study_that_is_ended_takes_its_run_with_it_saved(whole, model, gate, monkeypatch, number):
    process = gate.start("study", model, gate.folder)
    gate.wait()
    child = os.pidfd_open(json.loads((gate.folder / "status.json").read_text())["pid"])
    process.send_signal(number)
    if number == signal.SIGKILL:
        process.wait()
    gate.open()
    wait_for_end(child)
    process.wait()
    assert_saved(gate.folder)
    assert same(resumed(model, gate.folder, monkeypatch), figures(whole.records))


def wait_for_end(process):
    """Until a process that is not this one's child has ended: its descriptor is readable then."""
    with os.fdopen(process), selectors.DefaultSelector() as selector:
        selector.register(process, selectors.EVENT_READ)
        assert selector.select()


def test_a_run_whose_study_was_killed_ends_even_if_it_cannot_save(model, gate):
    process = gate.start("study", model, gate.folder, env={"DSK_TEST_ORPHAN_SECONDS": "1"})
    gate.wait()
    child = os.pidfd_open(json.loads((gate.folder / "status.json").read_text())["pid"])
    process.kill()
    process.wait()
    wait_for_end(child)  # the gate stays closed
    assert read_status(gate.folder) == ("interrupted", "its process was killed")
