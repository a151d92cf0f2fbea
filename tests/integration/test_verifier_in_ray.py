"""The `math` verifier inside Ray actors, and after an actor is killed (Ray is an optional dependency)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dsk.components.verifiers import MathVerifier
from dsk.testing.hostile import tower
from dsk.testing.verifier import item

pytestmark = pytest.mark.full


class Judge:
    """An actor that holds an open verifier."""

    def __init__(self) -> None:
        self._context = MathVerifier(workers=1, cpu_limit=0.5).open()
        self.session = self._context.__enter__()

    def verify(self, pairs: list[tuple[str, str]]) -> list[tuple[bool, str]]:
        return [(v.correct, v.reason) for v in self.session.verify([item(*pair) for pair in pairs])]

    def workers(self) -> list[int]:
        return self.session.pool.pids()


@pytest.fixture(scope="module")
def ray() -> Any:
    module = pytest.importorskip("ray", reason="pip install 'deepsearch-kit[ray]'")
    importable = {"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}}
    equal = {"worker_niceness": 0}  # on a busy machine an actor of Ray's usual low priority never gets a turn
    options = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False, "_system_config": equal}
    module.init(**options, runtime_env=importable)
    yield module
    module.shutdown()


def ended(descriptor: int) -> bool:
    """Wait for the process behind a pidfd to end (a minute at most)."""
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(60_000))


def test_an_actor_judges_hostile_and_honest_answers_and_leaves_no_worker_when_killed(ray: Any) -> None:
    actors = [ray.remote(Judge).remote() for _ in range(2)]
    pairs = [("\\sin x+x", "\\boxed{x+\\sin x}"), ("x", f"\\boxed{{{tower(4)}+x}}"), ("a+b", "\\boxed{b+a}")]
    expected = [(True, "equal"), (False, "timeout"), (True, "equal")]
    assert ray.get([actor.verify.remote(pairs) for actor in actors]) == [expected] * 2
    workers = [pid for pids in ray.get([actor.workers.remote() for actor in actors]) for pid in pids]
    assert len(workers) == 2
    descriptors = [os.pidfd_open(pid) for pid in workers]
    for actor in actors:
        ray.kill(actor)
    assert all(map(ended, descriptors))
