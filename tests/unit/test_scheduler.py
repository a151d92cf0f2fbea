"""The scheduler: no lockstep, order-independence, bounded work in flight, answers beside decoding, clean interruption.

1. What a job becomes depends neither on when requests finish nor on when verdicts are there.
2. The engine goes on while a verifier thinks, where nothing waits for the verdict or the engine is not repeatable.
3. On a repeatable engine an answer that a job waits for is taken in at a fixed point, whenever it was found.
"""

import random
from concurrent.futures import Future
from dataclasses import replace
from threading import Condition

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_search import NO_LIMIT, SETTING, ScriptedPolicy

from dsk.components.engines.scripted import ScriptedSession
from dsk.components.rollouts import Branch, Prefix, Tree
from dsk.core.errors import InterruptedRun, VerdictError
from dsk.core.roles import Known, Setting, Solution
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.responses import Responses
from dsk.core.sampling.scheduler import Scheduler, request_cost
from dsk.core.seeding import derive_seed
from dsk.core.types import Completion, Problem, Verdict

POLICY = ScriptedPolicy(3, terminal_share=0.25, correct_share=0.2, empty_share=0.0)
BRANCH = Branch(chains=3, forks=2, continuations=2, rounds=2)
SHORT = replace(SETTING, max_response_tokens=40)
SPEC = Tree.model_validate({"width": 2, "max_depth": 6, "trajectories": 4, "step_tokens": 5})
FOREVER = 60.0
"""Seconds after which a test fails in which the engine and a verifier wait for each other."""


class ScriptVerifier:
    """Judges by the text, which is the token list."""

    def verify(self, items):
        return [Verdict(POLICY.correct(list(map(int, text.split()))), None, "script") for _, text in items]


class TokenScorer:
    """Rates a step by its text, and keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, ...]] = []

    def rate(self, items):
        self.seen += [steps for _, steps in items]
        return [len(steps[-1].split()) / 10 for _, steps in items]


def text_of(tokens):
    return "".join(f"{token} " for token in tokens)


def searches(count, setting: Setting = SETTING):
    return [SPEC.start(Problem(f"p{i}", "", ""), Known((i,)), derive_seed("tree", i), setting) for i in range(count)]


def responses(count):
    return [Responses(Problem(f"r{i}", "", ""), Known((i,)), 2, derive_seed("direct", i), SHORT) for i in range(count)]


def branching(count):
    return [BRANCH.start(Problem(f"b{i}", "", ""), Known((i,)), derive_seed("branch", i), SHORT) for i in range(count)]


def mixed(count):
    return [*searches(count), *responses(count), *branching(count)]


def answer(request):
    return [POLICY.sample(request.prefix, i) for i in range(request.n)]


def scheduler(engine, tokens_in_flight=NO_LIMIT, verifier=None, scorer=None, repeatable=True, polls=1, **options):
    answerers = Answerers(verifier or ScriptVerifier(), text_of, scorer, repeatable, polls)
    return Scheduler(engine, answerers, tokens_in_flight, **options)


def run(engine, jobs, *args, **options):
    return scheduler(engine, *args, **options).run(jobs)


def delays(seed):
    return lambda request: random.Random(derive_seed(seed, request.id)).random()


@given(st.integers(0, 10**6), st.sampled_from([1, 3, 100]), st.sampled_from([40, NO_LIMIT]), st.booleans())
def test_the_order_in_which_requests_and_verdicts_come_back_changes_no_group(seed, slots, tokens, repeatable):
    engine = ScriptedSession(answer, delays(seed), slots=slots)
    groups = run(engine, mixed(3), tokens, repeatable=repeatable)
    assert groups == run(ScriptedSession(answer), mixed(3))


def test_all_requests_of_a_job_are_in_the_engine_at_once():
    engine = ScriptedSession(answer)
    run(engine, branching(1))
    assert engine.peak >= 2 * BRANCH.chains


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


@pytest.mark.parametrize(("jobs", "bound", "least"), [(searches, 80, 70), (branching, 300, 250)])
def test_tokens_in_flight_bound_how_much_runs_at_once(jobs, bound, least):
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

    run(Watching(answer, lambda r: len(r.id), slots=100), jobs(30), tokens_in_flight=bound)
    assert least < max(most) <= bound


def test_groups_come_back_in_the_order_of_the_jobs():
    groups = run(ScriptedSession(answer, lambda r: -hash(r.id) % 7), searches(10))
    assert [g.problem.id for g in groups] == [f"p{i}" for i in range(10)]


def test_a_job_without_requests_is_done_at_once():
    job = Responses(Problem("p", "", ""), Known((1,)), 0, 0, SETTING)
    driver = scheduler(ScriptedSession(answer))
    (group,) = driver.run([job])
    assert group.trajectories == ()
    assert driver.given == []


def test_interruption_cancels_what_is_in_flight():
    engine = ScriptedSession(answer, slots=2)
    with pytest.raises(InterruptedRun):
        run(engine, mixed(10), should_stop=lambda: True)
    assert engine.poll() == []


def test_a_verifier_that_fails_ends_the_run_and_cancels_what_is_in_flight():
    class Broken:
        def verify(self, items):
            return [None for _ in items]

    engine = ScriptedSession(answer, delays(1), slots=2)
    with pytest.raises(VerdictError, match="Broken returned None"):
        run(engine, mixed(10), verifier=Broken())
    assert engine.poll() == []


def test_no_jobs_is_no_work():
    assert run(ScriptedSession(answer), []) == []


class Counted(ScriptedSession):
    """Knows how often it was polled, before which poll each problem was last served, and keeps a log of its calls."""

    def __init__(self, **options):
        super().__init__(answer, **options)
        self.polls, self.log = 0, []
        self.served: dict[str, int] = {}
        self._changed = Condition()

    @property
    def idle(self) -> bool:
        return not (self._served or self._queued)

    def submit(self, request):
        self.log.append(request.id)
        super().submit(request)

    def poll(self) -> list[Completion]:
        with self._changed:
            self.polls += 1
            self._changed.notify_all()
        finished = super().poll()
        self.log.append(f"poll {self.polls}")
        self.served |= {completion.request_id.split("#")[0]: self.polls for completion in finished}
        with self._changed:
            self._changed.notify_all()
        return finished

    def polled(self, count: int) -> bool:
        """Wait for that many polls, or until nothing is decoded; whether it came to that."""
        with self._changed:
            return self._changed.wait_for(lambda: self.polls >= count or self.idle, FOREVER)


class Late(ScriptVerifier):
    """Gives verdicts only when the engine has been polled `after` times since it served what they are about."""

    def __init__(self, engine: Counted, after: int) -> None:
        self.engine, self.after, self.in_time = engine, after, True

    def verify(self, items):
        asked = max(self.engine.served[problem.id] for problem, _ in items)
        self.in_time = self.in_time and self.engine.polled(asked + self.after)
        return super().verify(items)


class AtOnce:
    """Stands for the answers' thread: everything is answered before the scheduler goes on."""

    def submit(self, answer, batch):
        done: Future = Future()
        done.set_result(answer(batch))
        return done

    def wait_for(self, answers):
        return answers.result()

    def close(self, finish: bool) -> None:
        pass


@pytest.mark.parametrize(
    ("jobs", "repeatable"), [(responses, True), (responses, False), (searches, False), (branching, False)]
)
def test_the_engine_decodes_on_while_a_verifier_thinks(jobs, repeatable):
    engine = Counted(delay=delays(2), slots=2)
    verifier = Late(engine, 3)
    groups = run(engine, jobs(12), verifier=verifier, repeatable=repeatable)
    assert verifier.in_time
    assert groups == run(ScriptedSession(answer), jobs(12))


@pytest.mark.parametrize("polls", [1, 4])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_on_a_repeatable_engine_it_does_not_matter_when_a_verdict_was_found(polls, seed):
    """The same requests go to the engine between the same polls, with verdicts at once or as late as may be."""
    eager, late = (Counted(delay=delays(seed), slots=3) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dsk.core.sampling.questions.Answering", AtOnce)
        run(eager, searches(8), polls=polls)
    verifier = Late(late, polls)
    run(late, searches(8), verifier=verifier, polls=polls)
    assert verifier.in_time
    assert eager.log == late.log


def test_a_scorer_reads_the_steps_of_a_tree_and_the_tree_knows_what_it_says():
    scorer, setting = TokenScorer(), replace(SHORT, scored=True)
    driver = scheduler(ScriptedSession(answer), scorer=scorer)
    jobs = searches(3, setting)
    driver.run(jobs)
    trees = [job.tree for job in jobs]
    steps = [(tree, node) for tree in trees for node in range(1, tree.size) if not tree.terminal[node]]
    assert [tree.score[node] for tree, node in steps] == [len(tree.step_tokens(node)) / 10 for tree, node in steps]
    assert all(np.isnan(tree.score[tree.terminal]).all() for tree in trees)
    assert driver.scored_tokens == sum(len(tree.step_tokens(node)) for tree, node in steps)
    texts = sorted(tuple(text_of(tree.step_tokens(n)) for n in tree.path(node)[1:]) for tree, node in steps)
    assert sorted(scorer.seen) == texts


def test_what_was_given_is_the_first_step_that_a_scorer_reads():
    scorer, setting = TokenScorer(), replace(SHORT, scored=True)
    rollout = Prefix.model_validate({"rollout": {"kind": "tree", "width": 2, "max_depth": 3, "step_tokens": 5}})
    known = Known((1,), solutions=(Solution((11, 12, 13, 14, 15, 16, 17, 18), "a"),))
    job = rollout.start(Problem("p", "", ""), known, 0, setting)
    (group,) = run(ScriptedSession(answer), [job], scorer=scorer)
    given_text = text_of((11, 12, 13, 14, 15, 16, 17, 18)[: int(group.stats["given_tokens"])])
    assert given_text
    assert scorer.seen
    assert {steps[0] for steps in scorer.seen} == {given_text}
    assert all(len(steps) >= 2 for steps in scorer.seen)
