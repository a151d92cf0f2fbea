"""How a study shares the machine: the user's thread settings stay, and a default that the machine holds."""

import os
from types import SimpleNamespace

import pytest

from dsk.compare import machine
from dsk.compare.machine import describe, fitting_jobs, threads_per_run
from dsk.compare.planning import PlannedRun
from dsk.core.errors import ModelError
from dsk.core.model.threads import threads_for
from dsk.core.spec import RunSpec

SPEC = {"name": "a", "model": {"path": "bundled:tiny-reasoner", "device": "cpu"}, "task": {"kind": "arithmetic"}}


@pytest.fixture
def planned(tmp_path):
    def make(count, **changes):
        return [PlannedRun("arm", n, RunSpec.model_validate(SPEC | changes), tmp_path / str(n)) for n in range(count)]

    return make


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 8)


@pytest.mark.parametrize(("jobs", "threads"), [(1, "8"), (3, "2"), (8, "1"), (20, "1")])
def test_the_cores_are_shared_among_the_runs(eight_cores, jobs, threads):
    given = threads_per_run(jobs, {})
    assert {given[name] for name in machine.THREAD_VARIABLES} == {threads}
    assert threads_for(600_000, 8, given) == 1
    assert threads_for(60_000_000, 8, given) == 8


@pytest.mark.parametrize("name", machine.THREAD_VARIABLES)
def test_threads_that_the_user_has_set_are_left_as_they_are(name):
    assert threads_per_run(2, {name: "5"}) == {}
    assert "as the environment sets them" in describe(2, {})


def test_the_cores_counted_are_those_that_this_process_may_use():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert machine.cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("free_gib", "count", "jobs"),
    [(1000, 20, 8), (1000, 3, 3), (10, 20, 2), (1, 20, 1)],
    ids=["cores", "runs", "memory", "least"],
)
def test_as_many_runs_as_cores_and_memory_hold(eight_cores, planned, monkeypatch, free_gib, count, jobs):
    plan = SimpleNamespace(memory={"total": (4 << 30) - machine.PROCESS_BYTES})
    monkeypatch.setattr("dsk.core.run.plan.make_plan", lambda spec: plan)
    monkeypatch.setattr("dsk.core.model.policy.free_bytes", lambda device: free_gib << 30)
    assert fitting_jobs(planned(count)) == jobs


def test_a_gpu_is_not_shared(eight_cores, planned, monkeypatch):
    monkeypatch.setattr("dsk.core.model.policy.pick_device", lambda name: SimpleNamespace(type="cuda"))
    assert fitting_jobs(planned(4)) == 1


def test_runs_that_cannot_be_sized_go_one_at_a_time(eight_cores, planned, monkeypatch):
    def refuse(spec):
        raise ModelError("no such model")

    monkeypatch.setattr("dsk.core.run.plan.make_plan", refuse)
    assert fitting_jobs(planned(4)) == 1


def test_what_was_chosen_is_said(eight_cores):
    assert describe(4, threads_per_run(4, {})) == "4 at a time, at most 2 threads each (8 cores; --jobs changes it)"
