"""What a job promises: its group does not depend on the order in which requests and questions come back.

1. Every order of deliveries and answers gives the same group, whatever the rollout.
2. A job that is not `open` asks for nothing more, whatever the answers are.
3. Ids of requests are unique, and every request and question is given out once.
"""

import random
from dataclasses import replace

import numpy as np
from forking_job import Forking
from hypothesis import given
from hypothesis import strategies as st
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, run

from dsk.components.rollouts import Cached, Direct, Prefix, Tree
from dsk.core.roles import Job, Known, Solution
from dsk.core.sampling.responses import whole_response
from dsk.core.types import Question, Sample, SampleRequest, Verdict

SCORED = replace(SETTING, scored=True, max_response_tokens=40)
SOLUTIONS = (Solution((5, 6, 7, 8, 9), "a"), Solution((4, 3, 2), "b"))


def replayed(solution: Solution):
    sample = Sample(solution.tokens, (-1.0,) * len(solution.tokens), "eos", 0)
    return whole_response(sample, Verdict(True, solution.answer, "cached"), 1.0, "cached")


KNOWN = Known((1, 2), solutions=SOLUTIONS, replay=replayed)
TREE = {"width": 3, "max_depth": 4, "trajectories": 4, "step_tokens": 5}
ROLLOUTS = [
    Tree.model_validate(TREE),
    Tree.model_validate({**TREE, "record": "all", "selector": "uct"}),
    Direct(samples=5),
    Cached(samples=4),
    Prefix.model_validate({"rollout": {"kind": "tree", **TREE}}),
    Prefix.model_validate({"rollout": {"samples": 3}}),
]
policies = st.builds(ScriptedPolicy, st.integers(0, 10**6), st.floats(0.1, 1), st.floats(0, 1))


def start(rollout) -> Job:
    return Forking(depth=3) if rollout is None else rollout.start(PROBLEM, KNOWN, 7, SCORED)


def answered(policy: ScriptedPolicy, question: Question) -> Verdict | float:
    return policy.verdict(question) if question.ask == "verdict" else 1 / (1 + sum(question.tokens) % 7)


def drive(job: Job, policy: ScriptedPolicy, order: random.Random) -> Job:
    """Bring things back one at a time in a random order; check what is promised on the way."""
    out: list[SampleRequest | Question] = []
    names: set[str] = set()
    shut = False
    while True:
        made = job.requests()
        assert not (made and shut)
        assert names.isdisjoint(request.id for request in made)
        assert len({request.id for request in made}) == len(made)
        names |= {request.id for request in made}
        out += made
        if not out:
            return job
        back = out.pop(order.randrange(len(out)))
        if isinstance(back, SampleRequest):
            out += job.deliver(back.id, [policy.sample(back.prefix, i) for i in range(back.n)])
        else:
            job.answer(back.id, answered(policy, back))
        asked = any(isinstance(thing, Question) for thing in out)
        sampling = any(isinstance(thing, SampleRequest) for thing in out)
        shut = shut or (asked and not sampling and not job.open)


@given(st.sampled_from([None, *ROLLOUTS]), policies, st.integers(0, 10**6))
def test_every_order_of_deliveries_and_answers_gives_the_same_group(rollout, policy, seed):
    first = drive(start(rollout), policy, random.Random(seed)).group()
    assert first == drive(start(rollout), policy, random.Random(seed + 1)).group()


@given(policies)
def test_the_forking_job_has_several_requests_out_at_once(policy):
    """What the property above is worth."""
    assert run(Forking(), policy).most_out >= 3


@given(policies, st.integers(0, 10**6))
def test_answers_of_a_tree_may_come_in_any_order(policy, seed):
    tree, order = Tree.model_validate({**TREE, "width": 6}), random.Random(seed)
    search = tree.start(PROBLEM, KNOWN, 3, SCORED)
    while requests := search.requests():
        (request,) = requests
        questions = search.deliver(request.id, [policy.sample(request.prefix, i) for i in range(request.n)])
        order.shuffle(questions)
        for question in questions:
            assert search.requests() == []
            search.answer(question.id, answered(policy, question))
    assert search.group() == drive(tree.start(PROBLEM, KNOWN, 3, SCORED), policy, random.Random(0)).group()


@given(policies)
def test_a_tree_knows_the_scores_of_its_open_steps_and_only_those(policy):
    search = Tree.model_validate(TREE).start(PROBLEM, KNOWN, 7, SCORED)
    drive(search, policy, random.Random(0))
    tree = search.tree
    scored = np.flatnonzero(~np.isnan(tree.score)).tolist()
    assert scored == [n for n in range(1, tree.size) if not tree.terminal[n]]
    for node in scored:
        assert tree.score[node] == 1 / (1 + int(tree.response(node)[0].sum()) % 7)
