"""Where steps end: at a text while they are sampled, or where the search cuts them."""

import math
from dataclasses import replace

import pytest
from scripted_search import make_search

from dsk.components.boundaries.surprise import Surprise
from dsk.components.engines.transformers import Transformers
from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.core.model.policy import load_policy
from dsk.core.roles import Known, Setting
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.scheduler import Scheduler
from dsk.core.spec import ModelSpec, RewardSpec, SamplingSpec
from dsk.core.types import Problem, Sample, Verdict

SAMPLE = Sample((11, 12, 13, 14), (-0.1, -0.2, -3.0, -0.3), "length", 0)


def expand(search: TreeSearch, samples: list[Sample]) -> list[int]:
    """Answer the search's request; the new terminals that await a verdict."""
    [request] = search.requests()
    return [question.id for question in search.deliver(request.id, samples)]


def only_child(boundary: str, sample: Sample, max_response: int = 100) -> TreeSearch:
    """A search whose root was expanded into one sample."""
    search = make_search(Tree.model_validate({"width": 1, "step_tokens": 4, "boundary": boundary}))
    search.setting = replace(search.setting, max_response_tokens=max_response)
    expand(search, [sample])
    return search


@pytest.mark.parametrize(("sample", "kept", "terminal"), [
    (SAMPLE, 2, False),  # cut before the token of -3.0
    (replace(SAMPLE, stop="eos"), 4, True),
    (replace(SAMPLE, stop="stop"), 4, False),  # a text ended it: there is nothing to cut
    (Sample((), (), "length", 0), 0, False),
])  # fmt: skip
def test_a_step_ends_before_its_most_surprising_token_unless_it_ends_the_response(sample, kept, terminal):
    search = only_child("surprise", sample)
    assert search.tree.response(1)[0].tolist() == list(sample.tokens[:kept])
    assert bool(search.tree.terminal[1]) is terminal


def test_the_last_step_that_the_response_has_room_for_is_not_cut():
    assert len(only_child("surprise", SAMPLE, max_response=4).tree.step_tokens(1)) == 4


def test_a_step_at_the_depth_limit_is_not_cut_and_its_tokens_end_the_response():
    spec = {"width": 2, "max_depth": 2, "step_tokens": 4, "trajectories": 2, "boundary": "surprise"}
    search = make_search(Tree.model_validate(spec))
    expand(search, [SAMPLE, SAMPLE])
    (first, second) = expand(search, [SAMPLE, SAMPLE])
    assert [len(search.tree.step_tokens(node)) for node in (1, 2, first, second)] == [2, 2, 4, 4]


def test_tokens_that_a_boundary_cut_off_count_as_sampled():
    """Of four samples of 4 tokens two are cut to 2, and one is dropped for what its engine reported."""
    spec = {"width": 2, "max_depth": 2, "step_tokens": 4, "trajectories": 2, "boundary": "surprise"}
    search = make_search(Tree.model_validate(spec))
    expand(search, [SAMPLE, SAMPLE])
    [ended] = expand(search, [SAMPLE, replace(SAMPLE, logprobs=(math.nan,) * 4)])
    search.answer(ended, Verdict(True, "1", "equal"))
    assert (search.tree.token_count(), search.group().stats["tokens"]) == (8, 16)
    assert search.group().stats["tokens_to_first_solution"] == 16


@pytest.mark.parametrize("earliest", [0.0, 0.3, 0.5, 0.9])
def test_the_kept_share_of_a_step_is_never_cut(earliest):
    boundary = Surprise(earliest=earliest)
    for length in range(1, 12):
        assert boundary.cut([-float(length - i) for i in range(length)]) >= min(length, max(1, earliest * length))


class Unsolvable:
    """A verifier's session for which every answer is wrong."""

    def verify(self, items):
        return [Verdict(False, None, "different") for _ in items]


def grown(boundary: str) -> tuple[TreeSearch, list[str]]:
    """A finished tree of the bundled model, and the text of every step."""
    policy = load_policy(ModelSpec(path="bundled:tiny-reasoner", device="cpu"))
    question = "Start at 85, modulo 100.\n1)-68\n2)-28\n3)+31\n4)-43\nResult?\n"
    spec = Tree.model_validate(
        {"width": 3, "max_depth": 8, "step_tokens": 24, "max_expansions": 12, "boundary": boundary}
    )
    known = Known(tuple(policy.encode(question)))
    setting = Setting(SamplingSpec(), 80, RewardSpec().of, policy.pieces)
    search = TreeSearch(Problem("p", question, "?"), known, spec, 0, setting)
    with Transformers().open(policy) as engine:
        Scheduler(engine, Answerers(Unsolvable(), policy.decode), 10_000).run([search])
    return search, [policy.decode(search.tree.step_tokens(node)) for node in range(1, search.tree.size)]


def test_steps_that_end_at_line_breaks_are_whole_lines():
    search, steps = grown("text")
    assert search.tree.size > 20
    for node, text in enumerate(steps, 1):
        assert text.count("\n") == (not search.tree.terminal[node])
        assert search.tree.terminal[node] or text.endswith("\n")
    assert search.tree.depth.max() > 3


def test_a_cut_step_goes_on_from_where_it_was_cut():
    search, _ = grown("surprise")
    inner = [node for node in range(1, search.tree.size) if not search.tree.terminal[node]]
    lengths = [len(search.tree.step_tokens(node)) for node in inner]
    assert min(lengths) >= 12
    assert max(lengths) < 24
