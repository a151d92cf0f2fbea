"""Threads: passive waiting unless the user says otherwise, and one for a small model unless the user asks for more."""

import os
import subprocess
import sys

import pytest
import torch

from dsk.core.model import threads
from dsk.core.model.policy import load_policy
from dsk.core.model.threads import ONE_THREAD_BELOW, describe, threads_for, wait_passively
from dsk.core.spec import ModelSpec


@pytest.mark.parametrize(
    ("parameters", "environment", "expected"),
    [
        (ONE_THREAD_BELOW - 1, {}, 1),
        (ONE_THREAD_BELOW, {}, 4),
        (1000, {"OMP_NUM_THREADS": "4"}, 4),
        (1000, {"OMP_NUM_THREADS": "4", "DSK_THREADS": "auto"}, 1),
        (ONE_THREAD_BELOW, {"OMP_NUM_THREADS": "4", "DSK_THREADS": "auto"}, 4),
    ],
)
def test_a_small_model_gets_one_thread_unless_the_user_asked_for_more(parameters, environment, expected):
    assert threads_for(parameters, 4, environment) == expected


@pytest.fixture
def three_threads(monkeypatch):
    """A process whose torch has three threads, by nobody's wish."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads.most_threads.cache_clear()
    yield
    torch.set_num_threads(before)
    threads.most_threads.cache_clear()


def test_loading_a_small_model_leaves_one_thread_and_a_large_one_gets_all_back(three_threads, monkeypatch):
    spec = ModelSpec(path="bundled:tiny-reasoner", device="cpu")
    load_policy(spec)
    assert torch.get_num_threads() == 1
    monkeypatch.setattr(threads, "ONE_THREAD_BELOW", 1000)
    load_policy(spec)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("set_by_user", [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "9"}])
def test_how_threads_wait_is_left_to_a_user_who_says_it(set_by_user):
    environment = dict(set_by_user)
    wait_passively(environment)
    assert environment == set_by_user


def test_the_command_waits_passively_from_the_moment_that_openmp_is_loaded():
    """The runtime reads its settings once, when torch loads it; it prints what it read."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-m", "dsk", "doctor"]
    shown = subprocess.run(
        command, env=environment | {"OMP_DISPLAY_ENV": "true"}, capture_output=True, text=True, check=True
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in shown.stderr


def test_doctor_says_what_decides_the_threads():
    assert describe(2, 2, {"OMP_NUM_THREADS": "2"}) == "2 of 2 (OMP_NUM_THREADS is set)"
    assert describe(2, 2, {}) == "2 of 2, 1 for models under 2M parameters; set OMP_NUM_THREADS to change it"
