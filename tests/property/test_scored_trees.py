"""Trees with a scorer: every open step has its score, whatever the order in which scores and verdicts come back."""

import random
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scripted_search import PROBLEM, SETTING, ScriptedPolicy

from dsk.components.rollouts import Tree
from dsk.core.roles import Known
from dsk.core.types import Question, Verdict

SCORED = replace(SETTING, scored=True, max_response_tokens=40)
policies = st.builds(ScriptedPolicy, st.integers(0, 10**6), st.floats(0.1, 1), st.floats(0, 1))
trees = st.builds(
    lambda **fields: Tree.model_validate({"max_depth": 4, "trajectories": 4, "step_tokens": 5, **fields}),
    width=st.integers(1, 6),
    record=st.sampled_from(["one", "all"]),
    selector=st.sampled_from(["frontier", "uct"]),
)
givens = st.sampled_from([(), (7, 8, 9)])


def score(question: Question) -> float:
    return 1 / (1 + sum(question.tokens) % 7)


def grown(tree: Tree, given_tokens: tuple[int, ...], policy: ScriptedPolicy, order: random.Random):
    search = tree.start(PROBLEM, Known((1, 2), given=given_tokens), 3, SCORED)
    while requests := search.requests():
        (request,) = requests
        questions = search.deliver(request.id, [policy.sample(request.prefix, i) for i in range(request.n)])
        order.shuffle(questions)
        for question in questions:
            assert search.requests() == []
            answer: Verdict | float = policy.verdict(question) if question.ask == "verdict" else score(question)
            search.answer(question.id, answer)
    return search


@given(trees, givens, policies, st.integers(0, 10**6))
def test_scores_and_verdicts_may_come_in_any_order(tree, given_tokens, policy, seed):
    first, second = (grown(tree, given_tokens, policy, random.Random(seed + n)) for n in range(2))
    assert first.group() == second.group()
    assert first.expansion_order == second.expansion_order
    assert np.array_equal(first.tree.score, second.tree.score, equal_nan=True)


@given(trees, givens, policies)
def test_a_tree_knows_the_scores_of_its_open_steps_and_only_those(tree, given_tokens, policy):
    grew = grown(tree, given_tokens, policy, random.Random(0)).tree
    scored = np.flatnonzero(~np.isnan(grew.score)).tolist()
    assert scored == [node for node in range(1, grew.size) if not grew.terminal[node]]
    assert [grew.score[node] for node in scored] == [score(Question(0, grew.response(node)[0])) for node in scored]
