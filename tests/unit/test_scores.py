"""Step scores on their way from a scorer to a selector."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.components.scorers.classifying.labels import Head, head_of
from dsk.components.scorers.classifying.session import batches
from dsk.core.errors import ModelError, VerdictError
from dsk.core.roles import Known, Selector, Setting
from dsk.core.sampling.questions import Answerers, Asked
from dsk.core.sampling.verdicts import rate
from dsk.core.spec import SamplingSpec
from dsk.core.types import Problem, Question, Sample, Verdict

PROBLEM = Problem("p", "q", "1")
ITEMS = [(PROBLEM, ("a",)), (PROBLEM, ("a", "b"))]


def decode(tokens) -> str:
    """Tokens are bytes, so that a character may lie in two steps."""
    return bytes(tokens).decode("utf-8", "replace")


class Hearing:
    """A scorer that keeps what it is asked, and returns `found`."""

    def __init__(self, found: Any = None) -> None:
        self.found, self.heard = found, []

    def rate(self, items):
        self.heard += items
        return [0.5] * len(items) if self.found is None else self.found


@given(st.text(alphabet="ab é€😀\n", max_size=12), st.lists(st.integers(0, 40), max_size=5))
def test_the_texts_of_steps_make_up_the_text_of_the_whole(text, places):
    tokens, cuts = list(text.encode()), sorted({min(place, len(text.encode())) for place in places})
    lengths = tuple(np.diff([0, *cuts, len(tokens)]).tolist())
    scorer = Hearing()
    job: Any = SimpleNamespace(problem=PROBLEM)
    answerers = Answerers(Hearing(), decode, scorer)  # pyright: ignore[reportArgumentType]
    answerers.scores([Asked(0, job, Question(1, tokens, "score", lengths))])
    [(problem, steps)] = scorer.heard
    assert (problem, "".join(steps), len(steps)) == (PROBLEM, text, len(lengths))
    if text.isascii():
        assert list(steps) == [
            text[end - length : end] for end, length in zip(np.cumsum(lengths), lengths, strict=True)
        ]


def test_nothing_said_is_nan_and_scores_pass_as_they_are():
    first, second = rate(Hearing([None, 1]), ITEMS)
    assert (math.isnan(first), second) == (True, 1.0)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([0.5, 1.5], r"1\.5 \(float\) for step 2 of 2"),
        ([math.nan, 0.5], r"nan \(float\) for step 1 of 2"),
        ([0.5, True], r"True \(bool\) for step 2"),
        ([0.5, "0.5"], r"'0\.5' \(str\)"),
        ([0.5], "1 scores for 2 steps"),
        (0.5, r"0\.5 \(float\); it must return a list"),
    ],
)
def test_anything_but_scores_is_refused_by_name(found, message):
    with pytest.raises(VerdictError, match=message) as caught:
        rate(Hearing(found), ITEMS)
    assert str(caught.value).startswith(f"scorer: {__name__}.Hearing returned ")
    assert (caught.value.exit_code, len(str(caught.value).splitlines())) == (2, 1)


class ByScore(Selector):
    """The best rated first."""

    kind: ClassVar[str] = "by_score"

    def scores(self, tree, nodes, rng):
        return np.nan_to_num(tree.score[nodes], nan=-1.0)


def search_of(seed: int, given_tokens: tuple[int, ...] = ()) -> TreeSearch:
    pieces = lambda tokens: list(map(str, tokens))  # noqa: E731
    setting = Setting(SamplingSpec(), 1 << 30, lambda verdict: 1.0 if verdict.correct else -1.0, pieces, scored=True)
    spec = Tree(width=3, max_depth=5, trajectories=8, step_tokens=4, selector=ByScore())
    return TreeSearch(PROBLEM, Known((1, 2), given=given_tokens), spec, seed, setting)


def expand(search: TreeSearch, rng: random.Random) -> list[Question]:
    """Deliver one expansion and answer its questions in a random order, a score in five with nothing; the questions."""
    [request] = search.requests()
    lengths = [rng.randint(1, 4) for _ in range(request.n)]
    samples = [Sample((7,) * n, (-0.5,) * n, rng.choice(["eos", "length", "length"]), 0) for n in lengths]
    questions = search.deliver(request.id, samples)
    for question in rng.sample(questions, len(questions)):
        said = rng.choice([math.nan, 0.25, 0.5, rng.random(), 1.0])
        verdict = Verdict(rng.random() < 0.3, None, "script")
        search.answer(question.id, verdict if question.ask == "verdict" else said)
    return questions


@given(st.integers(0, 10**6))
def test_the_frontier_follows_scores_that_arrive_after_its_nodes(seed):
    search, rng = search_of(seed), random.Random(seed)
    while search.target is not None:
        questions, tree = expand(search, rng), search.tree
        new = [node for node in tree.children(search.expansion_order[-1]) if not tree.terminal[node]]
        assert [question.id for question in questions if question.ask == "score"] == new
        nodes = [node for node in range(tree.size) if not tree.expanded[node] and not tree.terminal[node]]
        if nodes:
            scores = np.nan_to_num(tree.score[nodes], nan=-1.0)
            best = [node for node, score in zip(nodes, scores, strict=True) if score == scores.max()]
            assert search.frontier.select(np.random.default_rng(0)) == min(best, key=tree.indices)
    stats, tree = search.group().stats, search.tree
    said = [s for s, ended in zip(tree.score[1:], tree.terminal[1:], strict=True) if not ended and not math.isnan(s)]
    assert stats["scored"] == len(said)
    assert stats["scored"] + stats["unscored"] == (~tree.terminal[1:]).sum()
    assert stats.get("score", 0.0) == pytest.approx(np.mean(said) if said else 0.0)


@given(st.integers(0, 10**6), st.integers(0, 5))
def test_a_question_cuts_the_response_into_what_was_given_and_steps(seed, length):
    search, rng = search_of(seed, (9,) * length), random.Random(seed)
    while search.target is not None:
        for question in expand(search, rng):
            if question.ask == "score":
                path = search.tree.path(question.id)[1:]
                steps = [len(search.tree.step_tokens(node)) for node in path]
                assert list(question.steps) == [length] * bool(length) + steps
                assert sum(question.steps) == len(question.tokens)


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(0, 60))
def test_batches_hold_each_text_once_and_keep_the_bound(lengths, bound):
    found = list(batches(dict(enumerate(lengths)), bound))
    assert sorted(key for batch in found for key in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[key] for key in batch) <= bound for batch in found)


SEQUENCE, TOKEN = "XForSequenceClassification", "XForTokenClassification"


@pytest.mark.parametrize(
    ("config", "label", "head"),
    [
        ({"architectures": [SEQUENCE], "id2label": {"0": "LABEL_0"}}, None, Head(False, None)),
        ({"architectures": [SEQUENCE], "num_labels": 1}, None, Head(False, None)),
        ({"architectures": [TOKEN], "id2label": {"0": "-", "1": "+"}}, None, Head(True, 1)),
        ({"architectures": [TOKEN], "id2label": {"0": "Correct", "1": "incorrect"}}, None, Head(True, 0)),
        ({"architectures": [TOKEN]}, "LABEL_1", Head(True, 1)),
        ({"architectures": [SEQUENCE], "id2label": {"0": "toxic", "1": "good"}}, "toxic", Head(False, 0)),
    ],
)
def test_the_head_is_what_the_config_says(config, label, head):
    assert head_of(config, "there", label) == head


@pytest.mark.parametrize(
    "config", [{}, {"architectures": ["XForCausalLM"]}, {"architectures": ["Qwen2ForProcessRewardModel"]}]
)
def test_a_config_without_a_classification_head_is_refused(config):
    with pytest.raises(ModelError, match="no classification head") as caught:
        head_of(config, "there", None)
    assert len(str(caught.value).splitlines()) == 1
