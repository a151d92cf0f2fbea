"""`CacheContract`: subclass it, say how to make your cache, and pytest checks what every cache promises."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsk.core.errors import CacheError
from dsk.core.roles import Cache, CacheSession
from dsk.core.types import CachedSolution
from dsk.testing.component import ComponentContract

HOSTILE = "\x00 \ud800 \u202e \\boxed{" + "{" * 50
OWNER = ("task-a", '{"kind": "math"}')
# a contract is inherited on purpose, so one property runs in several classes
INHERITED = [HealthCheck.differing_executors, HealthCheck.too_slow]
quick: settings = settings(max_examples=30, deadline=None, suppress_health_check=INHERITED)


def solution(problem: str = "p", tokens: Sequence[int] = (1, 2), run: str = "run", step: int = 0) -> CachedSolution:
    """A solution as a run would write it."""
    return CachedSolution(problem, tuple(tokens), tuple(-0.5 for _ in tokens), "\\boxed{1}", run, 0, step, step, "t1")


@dataclass
class LogOfPuts:
    """The slow, obvious cache: remember every put, and look through all of them each time."""

    log: list[CachedSolution] = field(default_factory=list[CachedSolution])

    def view(self) -> list[CachedSolution]:
        """The first put of each (problem, tokens)."""
        first: dict[tuple[str, tuple[int, ...]], CachedSolution] = {}
        for entry in self.log:
            first.setdefault((entry.problem_id, entry.tokens), entry)
        return list(first.values())

    def change(self, log: list[CachedSolution]) -> int:
        """Replace the log; by how many solutions the view changed."""
        before, self.log = len(self.view()), log
        return abs(len(self.view()) - before)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Puts, rollbacks and discards of two runs whose steps never go back, except by a rollback."""
    steps = {"a": 0, "b": 0}
    history: list[tuple[str, Any]] = []
    for _ in range(draw(st.integers(0, 12))):
        run = draw(st.sampled_from("ab"))
        action = draw(st.sampled_from(["put", "put", "put", "rollback", "discard"]))
        problems = st.sampled_from(["p", "q", "r"])
        if action == "rollback":
            steps[run] = draw(st.integers(-1, steps[run]))
            history.append((action, (run, steps[run])))
            continue
        steps[run] += draw(st.integers(0, 2)) if action == "put" else 0
        one = st.builds(solution, problems, st.lists(st.integers(0, 1), max_size=2), st.just(run), st.just(steps[run]))
        history.append((action, draw(st.lists(one, max_size=4))))
    return history


class CacheContract(ComponentContract):
    """What every cache promises.

    Override `make_cache`; set `durable` to False for a cache that ends with its session.
    """

    durable = True

    @abstractmethod
    def make_cache(self, folder: str) -> Cache:
        """A cache whose store is empty for this `folder`."""

    def component(self) -> Cache:
        """The cache."""
        return self.make_cache("component")

    @pytest.fixture
    def folder(self, tmp_path: Path) -> str:
        """An empty run folder."""
        return str(tmp_path)

    def test_a_new_cache_is_empty(self, folder: str) -> None:
        with self.make_cache(folder).open(folder, *OWNER) as cache:
            assert (cache.get("p"), cache.count(), list(cache.entries()), cache.put([])) == ([], (0, 0), [], 0)

    def test_a_solution_comes_back_equal(self, folder: str) -> None:
        put = CachedSolution("é/'; --", (0, 2**31 - 1, 7), (-0.1, -1e-300, -708.25), HOSTILE, "run 1", 3, 41, 17, "t2")
        with self.make_cache(folder).open(folder, *OWNER) as cache:
            assert cache.put([put]) == 1
            assert cache.get(put.problem_id) == [put]
            assert list(cache.entries()) == [put]

    def test_the_same_tokens_are_kept_once_per_problem(self, folder: str) -> None:
        with self.make_cache(folder).open(folder, *OWNER) as cache:
            assert cache.put([solution("p"), solution("p"), solution("q")]) == 2
            assert cache.put([solution("p", step=5), solution("p", (9,), step=5)]) == 1
            assert cache.count() == (2, 3)
            assert cache.get("p") == [solution("p"), solution("p", (9,), step=5)]

    def test_a_rollback_keeps_what_another_run_also_found(self, folder: str) -> None:
        with self.make_cache(folder).open(folder, *OWNER) as cache:
            cache.put([solution(run="a", step=4)])
            cache.put([solution(run="b", step=9)])
            assert cache.rollback("a", 3) == 0
            assert cache.get("p") == [solution(run="b", step=9)]
            assert cache.rollback("b", 8) == 1
            assert cache.count() == (0, 0)

    def test_a_cache_of_another_task_or_verifier_is_refused_by_both_names(self, folder: str) -> None:
        if not self.durable:
            pytest.skip("nothing outlives the session")
        store = self.make_cache(folder)
        with store.open(folder, *OWNER) as cache:
            cache.put([solution()])
        for other in (("task-b", OWNER[1]), (OWNER[0], "other-verifier")):
            with pytest.raises(CacheError) as caught, store.open(folder, *other):
                pass
            assert all(name in str(caught.value) for name in set(other) ^ set(OWNER))
        with store.open(folder, *OWNER) as cache:
            assert cache.count() == (1, 1)

    def test_reopening_finds_what_was_put(self, folder: str) -> None:
        if not self.durable:
            pytest.skip("nothing outlives the session")
        store = self.make_cache(folder)
        assert store.identity(folder) is None
        with store.open(folder, *OWNER) as cache:
            cache.put([solution("p"), replace(solution("q"), text=HOSTILE)])
        assert store.identity(folder) == OWNER
        with store.open(folder, *OWNER) as cache:
            assert cache.get("q") == [replace(solution("q"), text=HOSTILE)]
            assert cache.count() == (2, 2)

    @quick
    @given(histories())
    def test_any_history_equals_a_log_of_puts(self, history: list[tuple[str, Any]]) -> None:
        model = LogOfPuts()
        with tempfile.TemporaryDirectory() as folder, self.make_cache(folder).open(folder, *OWNER) as cache:
            for action, argument in history:
                assert apply(cache, action, argument) == apply_to_model(model, action, argument)
                assert list(cache.entries()) == model.view()
                problems = {entry.problem_id for entry in model.view()}
                assert cache.count() == (len(problems), len(model.view()))
                for problem in problems:
                    assert cache.get(problem) == [e for e in model.view() if e.problem_id == problem]


def apply(cache: CacheSession, action: str, argument: Any) -> int:
    """One step of a history on the cache under test."""
    return cache.rollback(*argument) if action == "rollback" else getattr(cache, action)(argument)


def apply_to_model(model: LogOfPuts, action: str, argument: Any) -> int:
    """The same step on the log."""
    if action == "put":
        return model.change([*model.log, *argument])
    if action == "rollback":
        run, step = argument
        return model.change([e for e in model.log if e.run != run or e.step <= step])
    gone = {(e.problem_id, e.tokens) for e in argument}
    return model.change([e for e in model.log if (e.problem_id, e.tokens) not in gone])
