"""The scheduler: no lockstep, order-independence, bounded work in flight, clean interruption."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_search import NO_LIMIT, ScriptedPolicy

from dsk.components.engines.scripted import ScriptedSession
from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.core.errors import InterruptedRun
from dsk.core.sampling.responses import DirectRollouts
from dsk.core.sampling.scheduler import Scheduler, request_cost
from dsk.core.seeding import derive_seed
from dsk.core.spec import SamplingSpec, SearchSpec
from dsk.core.types import Problem, Verdict

POLICY = ScriptedPolicy(3, terminal_share=0.25, correct_share=0.2, empty_share=0.0)
SPEC = SearchSpec(width=2, max_depth=6, trajectories=4, step_tokens=5)


class ScriptVerifier:
    """Judges by the text, which is the token list."""

    def verify(self, items):
        return [Verdict(POLICY.correct(list(map(int, text.split()))), None, "script") for _, text in items]


def searches(count):
    sampling = SamplingSpec()
    return [
        TreeSearch(Problem(f"p{i}", "", ""), (i,), SPEC, sampling, NO_LIMIT, derive_seed("tree", i))
        for i in range(count)
    ]


def answer(request):
    return [POLICY.sample(request.prefix, i) for i in range(request.n)]


def run(engine, jobs, tokens_in_flight=NO_LIMIT, **options):
    decode = lambda tokens: " ".join(map(str, tokens))  # noqa: E731
    return Scheduler(engine, ScriptVerifier(), decode, tokens_in_flight, **options).run(jobs)


@given(st.integers(0, 10**6))
def test_the_order_in_which_requests_finish_changes_no_tree(seed):
    def delay(request):
        return random.Random(derive_seed(seed, request.id)).random()

    assert run(ScriptedSession(answer), searches(6)) == run(ScriptedSession(answer, delay, slots=3), searches(6))


def test_one_slow_tree_delays_nobody():
    def delay(request):
        return 40.0 if request.id.startswith("p0#") else random.Random(derive_seed(request.id)).uniform(0.5, 1.5)

    slots = 4
    engine = ScriptedSession(answer, delay, slots=slots)
    jobs = searches(60)
    run(engine, jobs)
    slow = 40.0 * len(jobs[0].expansion_order)
    work_bound = max(engine.busy / slots, slow)
    assert engine.now <= 1.10 * work_bound


def test_the_engine_never_idles_while_any_tree_has_work():
    engine = ScriptedSession(answer, lambda request: random.Random(derive_seed(request.id)).uniform(0.5, 1.5), slots=4)
    run(engine, searches(60))
    assert engine.now <= 1.10 * engine.busy / 4


def test_tokens_in_flight_bound_how_many_jobs_run_at_once():
    held, most = {}, []

    class Watching(ScriptedSession):
        def submit(self, request):
            held[request.id] = request_cost(request)
            most.append(sum(held.values()))
            super().submit(request)

        def poll(self):
            finished = super().poll()
            for completion in finished:
                held.pop(completion.request_id)
            return finished

    run(Watching(answer, lambda r: len(r.id), slots=100), searches(30), tokens_in_flight=80)
    assert 70 < max(most) <= 80


def test_groups_come_back_in_the_order_of_the_jobs():
    groups = run(ScriptedSession(answer, lambda r: -hash(r.id) % 7), searches(10))
    assert [g.problem.id for g in groups] == [f"p{i}" for i in range(10)]


def test_a_job_without_requests_is_done_at_once():
    job = DirectRollouts(Problem("p", "", ""), (1,), 0, SamplingSpec(), 10, 0)
    (group,) = run(ScriptedSession(answer), [job])
    assert group.trajectories == ()


def test_interruption_cancels_what_is_in_flight():
    engine = ScriptedSession(answer, slots=2)
    with pytest.raises(InterruptedRun):
        run(engine, searches(10), should_stop=lambda: True)
    assert engine.poll() == []


def test_no_jobs_is_no_work():
    assert run(ScriptedSession(answer), []) == []
