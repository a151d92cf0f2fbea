"""What each rollout samples, against its method's rule written out slowly (what all of them promise: the contract)."""

from __future__ import annotations

import random
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dsk.components.advantages.probed import ProbedAdvantage
from dsk.components.boundaries.text import Text
from dsk.components.boundaries.uncertain import Uncertain
from dsk.components.forks.surprise import SurpriseForks
from dsk.components.forks.uniform_step import UniformStep
from dsk.components.rollouts.adaptive import Adaptive
from dsk.components.rollouts.branch import Branch
from dsk.components.rollouts.levels import Levels
from dsk.components.rollouts.lockstep import Lockstep
from dsk.components.rollouts.probed import Probed
from dsk.core.errors import PluginError
from dsk.core.roles import ForkRule
from dsk.testing.jobs import EOS, LIMIT, PROMPT, World, pieces, play, start

SEEDS = st.integers(0, 10**9)
ENDLESS = World(0, end=0.0, lost=0.0)


def played(rollout, world, seed=0, **known):
    return play(world, start(rollout, world, world.known(**known), seed))


def waves(job, world):
    """The requests of each wave, by driving the job with everything of a wave at once."""
    while requests := job.requests():
        yield requests
        questions = [q for r in requests for q in job.deliver(r.id, [world.sample(r, i) for i in range(r.n)])]
        for question in questions:
            job.answer(question.id, world.answer(question))


class TestBranch:
    def test_treerls_setting_gives_thirty_leaves_of_six_trees(self):
        group = played(Branch(), ENDLESS).end
        assert len(group.trajectories) == 30 == Branch().group_size()
        assert Counter(t.tree for t in group.trajectories) == dict.fromkeys(range(6), 5)

    def test_sixteen_forks_are_one_wave(self):
        job = start(Branch(chains=1, forks=16, fork=SurpriseForks(ends=())), ENDLESS, ENDLESS.known())
        assert [len(wave) for wave in waves(job, ENDLESS)] == [1, 16]

    @given(SEEDS)
    def test_a_place_that_is_named_twice_is_one_request_of_twice_as_many_samples(self, seed):
        rollout = Branch(chains=1, forks=LIMIT + 6, continuations=2, fork=SurpriseForks(ends=()))
        world = World(seed, lost=0.0)
        first, second = waves(start(rollout, world, world.known()), world)
        length = len(world.sample(first[0], 0).tokens)
        assert len(second) == length
        assert len({request.prefix for request in second}) == length
        assert sum(request.n for request in second) == 2 * (LIMIT + 6)

    @given(SEEDS, st.integers(1, 3))
    def test_every_round_forks_the_most_surprising_tokens_of_the_tree(self, seed, rounds):
        world = World(seed, lost=0.0)
        rollout = Branch(chains=1, forks=3, continuations=1, rounds=rounds)
        tree: list[tuple[list[int], list[int], list[float]]] = []
        for number, wave in enumerate(waves(start(rollout, world, world.known()), world)):
            asked = [tuple(request.prefix[len(PROMPT) :]) for request in wave for _ in range(request.n)]
            assert Counter(asked) == Counter(most_surprising(tree, 3) if number else [()])
            for request in wave:
                samples = [world.sample(request, i) for i in range(request.n)]
                before = list(request.prefix[len(PROMPT) :])
                tree += [(before, list(sample.tokens), list(sample.logprobs)) for sample in samples]

    def test_uniform_steps_are_the_prompt_and_ends_of_all_steps_but_last_ones(self):
        world = World(4, lost=0.0)
        rollout = Branch(chains=1, forks=1, continuations=1, fork=UniformStep(step_tokens=4, boundary=Text(shortest=0)))
        forked: Counter[tuple[int, ...]] = Counter()
        for seed in range(300):
            wave, forks = waves(start(rollout, world, world.known(), seed), world)
            forked[forks[0].prefix[len(PROMPT) :] == ()] += 1
            tokens = world.sample(wave[0], 0).tokens
            lengths = Text(shortest=0).split(np.zeros(len(tokens)), pieces(tokens), 4)
            ends = np.cumsum([0, *lengths[:-1]]).tolist()
            assert len(forks[0].prefix) - len(PROMPT) in ends
        assert 20 < forked[True] < 280

    def test_drawing_the_prompt_begins_another_response_of_the_tree(self):
        rollout = Branch(chains=2, forks=4, continuations=1, fork=UniformStep(step_tokens=30, boundary="length"))
        group = played(rollout, ENDLESS).end
        assert Counter(t.tree for t in group.trajectories) == {0: 5, 1: 5}
        assert all(len(t.node_ids) == 1 for t in group.trajectories)

    def test_a_rule_that_reads_verdicts_is_asked_when_they_are_all_in(self):
        world = World(3, lost=0.0)
        for order in range(5):
            job = start(Branch(chains=4, forks=1, continuations=2, fork=Failures()), world, world.known())
            group = play(world, job, order).end
            trunks, forks = group.trajectories[:4], group.trajectories[4:]
            assert {t.tree for t in forks} == {t.tree for t in trunks if not t.correct}
            assert 0 < len(forks) < 8

    @pytest.mark.parametrize("places", [[(0, 99)], [(5, 0)], [(-1, 1)], [(0, -1)], [(0, 0)] * 3])
    def test_a_rule_that_names_what_is_not_there_is_named(self, places):
        rollout = Branch(chains=1, fork=Rubbish(named=places))
        with pytest.raises(PluginError, match=r"^fork 'rubbish': .*Rubbish named"):
            played(rollout, ENDLESS)


def most_surprising(tree, n):
    """TreeRL's rule over the tree's chains (before, tokens, log-probabilities), as prefixes; later ones first."""
    places = []
    for number, (before, tokens, logprobs) in enumerate(tree):
        for index, (token, logprob) in enumerate(zip(tokens, logprobs, strict=True)):
            if index or number == 0:
                places.append((-logprob, number, index, tuple(before + tokens[:index])))
            if "answer" in pieces([token])[0]:
                break
    places.sort(reverse=True)
    return [places[i % len(places)][3] for i in range(n)] if places else []


class Failures(ForkRule):
    """Forks wrong responses at their beginning."""

    kind: ClassVar[str] = "failures"
    needs_verdicts: ClassVar[bool] = True

    def places(self, forest, tree, n, rng):
        assert all(forest.correct(chain) is not None for chain in forest.chains(tree))
        return [(chain, 0) for chain in forest.chains(tree) if not forest.correct(chain)][:n]


class Rubbish(ForkRule):
    """Names what it was told to."""

    kind: ClassVar[str] = "rubbish"

    named: list[tuple[int, int]]

    def places(self, forest, tree, n, rng):
        return self.named


class TestProbed:
    @given(SEEDS, st.integers(0, 4))
    def test_every_distinct_state_but_last_ones_gets_its_probes(self, seed, most):
        world = World(seed, lost=0.0)
        rollout = Probed(samples=4, probes=3, max_states=most)
        first, second = waves(start(rollout, world, world.known()), world)
        states = set()
        for i in range(4):
            tokens = world.sample(first[0], i).tokens
            ends = np.cumsum([0, *Text().split(np.zeros(len(tokens)), pieces(tokens))])[:-1].tolist()
            states |= {tokens[:end] for end in ends[: most or None]}
        assert Counter(r.prefix[len(PROMPT) :] for r in second) == dict.fromkeys(states, 1)
        assert {request.n for request in second} == {3}

    @given(SEEDS)
    def test_probes_are_ends_of_their_state_and_no_trajectories(self, seed):
        world = World(seed, lost=0.0)
        group = played(Probed(samples=3, probes=2), world).end
        assert len(group.trajectories) == 3
        probes = Counter(end.path for end in group.verified if end.probe)
        assert probes == dict.fromkeys(
            {t.node_ids[:depth] for t in group.trajectories for depth in range(len(t.node_ids))}, 2
        )

    @given(SEEDS)
    def test_vineppos_credit_adds_up_to_the_reward_less_the_prompts_value(self, seed):
        group = played(Probed(samples=3, probes=2), World(seed, lost=0.0)).end
        prompt = np.mean([end.reward for end in group.verified if end.probe and not end.path])
        for t, credit in zip(group.trajectories, ProbedAdvantage().values(group), strict=True):
            assert sum(credit) == pytest.approx(t.reward - prompt, abs=1e-9)

    @given(SEEDS, st.integers(1, 3))
    def test_spo_chain_probes_before_every_mth_uncertain_token_and_only_there(self, seed, interval):
        world = World(seed, lost=0.0)
        boundary = Uncertain(rho=0.9, interval=interval)
        rollout = Probed(samples=3, probes=1, prompt=False, boundary=boundary)
        first, *rest = waves(start(rollout, world, world.known()), world)
        states = set()
        for i in range(3):
            sample = world.sample(first[0], i)
            uncertain = [at for at, logprob in enumerate(sample.logprobs) if np.exp(logprob) < 0.9]
            states |= {sample.tokens[:at] for at in uncertain[::interval]}
        assert {r.prefix[len(PROMPT) :] for wave in rest for r in wave} == states

    def test_steps_of_a_fixed_length_need_one(self):
        with pytest.raises(ValidationError, match="step_tokens = 0 is no bound; set it"):
            Probed(boundary="length")


class TestLevels:
    @given(SEEDS, st.sampled_from([0.0, 0.1, 0.4]))
    def test_every_node_above_the_last_level_has_its_children_unless_it_ended(self, seed, end):
        world, widths = World(seed, end=end, lost=0.0), (3, 2, 2)
        leaves = 0
        alive = 1
        for level, wave in enumerate(waves(start(Levels(widths=widths, step_tokens=4), world, world.known()), world)):
            assert len(wave) == alive
            assert {request.n for request in wave} == {widths[level]}
            samples = [world.sample(request, i) for request in wave for i in range(request.n)]
            ended = sum(sample.stop == "eos" or level == 2 for sample in samples)
            leaves, alive = leaves + ended, len(samples) - ended
        group = played(Levels(widths=widths, step_tokens=4), world).end
        assert len(group.trajectories) == leaves

    def test_spo_trees_setting_gives_216_leaves(self):
        assert Levels().group_size() == 216 == len(played(Levels(step_tokens=3), ENDLESS).end.trajectories)

    def test_levels_that_no_response_gets_to_are_doubted(self):
        assert list(Levels(step_tokens=30).doubts(61)) == []
        assert list(Levels(step_tokens=30).doubts(60)) == [
            ".widths: the levels above the last hold 2 x step_tokens = 60 tokens, and max_response_tokens = 60 ends"
            " responses before; lower step_tokens, or take levels off"
        ]


class TestLockstep:
    @given(
        SEEDS, st.sampled_from([0.0, 0.03, 0.1, 0.4]), st.integers(1, 9), st.integers(1, 3), st.sampled_from([0.0, 0.2])
    )
    def test_each_step_forks_by_the_budget(self, seed, end, width, branching, lost):
        world = World(seed, end=end, lost=lost)
        rollout = Lockstep(width=width, segment_tokens=4, depth=4, branching=branching, repeats=0)
        active, finished, newly = [()], 0, 0
        for wave in waves(start(rollout, world, world.known()), world):
            counts = {request.prefix[len(PROMPT) :]: request.n for request in wave}
            if active:
                total = max(len(active), min(width - finished, branching * (newly + len(active))))
                shares = [total // len(active)] * len(active)
                shares[-1] += total - sum(shares)
                assert counts == dict(zip(active, shares, strict=True))
            else:
                assert sum(counts.values()) == width - finished
            grown = [(r, world.sample(r, i)) for r in wave for i in range(r.n)]
            whole = [(*r.prefix[len(PROMPT) :], *s.tokens) for r, s in grown if np.isfinite(s.logprobs).all()]
            active = [tokens for tokens in whole if tokens[-1] != EOS and len(tokens) < 16]
            newly = len(grown) - len(active)
            finished += newly
        assert finished == width
        assert active == []

    def test_a_group_has_its_width_where_nothing_is_lost(self):
        for seed in range(30):
            group = played(Lockstep(width=7, segment_tokens=4, depth=6), World(seed, end=0.2, lost=0.0)).end
            assert len(group.trajectories) == 7

    def test_fallbacks_start_at_segment_boundaries_of_responses_that_ended_by_themselves(self):
        found: Counter[int] = Counter()
        for seed in range(60):
            world = World(seed, end=0.15, lost=0.0)
            ended: set[tuple[int, ...]] = set()
            left = 1
            rollout = Lockstep(width=9, segment_tokens=3, depth=4, branching=1)
            for wave in waves(start(rollout, world, world.known(), seed), world):
                if not left:
                    for request in wave:
                        prefix = request.prefix[len(PROMPT) :]
                        assert len(prefix) % 3 == 0
                        assert any(t[: len(prefix)] == prefix and len(prefix) < len(t) for t in ended) or not ended
                        found[len(prefix)] += 1
                grown = [(*r.prefix[len(PROMPT) :], *world.sample(r, i).tokens) for r in wave for i in range(r.n)]
                ended |= {tokens for tokens in grown if tokens[-1] == EOS}
                left = sum(tokens[-1] != EOS and len(tokens) < 12 for tokens in grown)
        assert set(found) == {0, 3, 6, 9}

    def test_too_few_segments_are_doubted(self):
        assert list(Lockstep(segment_tokens=8, depth=3).doubts(24)) == []
        (line,) = Lockstep(segment_tokens=8, depth=3).doubts(25)
        assert line.startswith(": responses end at depth x segment_tokens = 3 x 8 = 24 tokens, below")
        assert line.endswith("raise depth to 4, or lower max_response_tokens to 24")

    def test_a_segment_that_repeats_itself_ends_its_response(self):
        looping = Looping(0, end=0.0, lost=0.0)
        ended = played(Lockstep(width=2, segment_tokens=8, depth=3, repeat_characters=4, repeats=3), looping).end
        assert {len(t.tokens) for t in ended.trajectories} == {8}
        free = played(Lockstep(width=2, segment_tokens=8, depth=3, repeat_characters=4, repeats=0), looping).end
        assert {len(t.tokens) for t in free.trajectories} == {24}


class Looping(World):
    """A policy that says one thing."""

    def sample(self, request, i):
        sample = super().sample(request, i)
        return type(sample)((2,) * len(sample.tokens), sample.logprobs, sample.stop, 0)


class TestAdaptive:
    RULES: ClassVar = {
        "balanced": lambda right, wrong: right >= 2 and wrong >= 2,
        "both": lambda right, wrong: right >= 1 and wrong >= 1,
        "correct": lambda right, wrong: right >= 1,
        "never": lambda right, wrong: False,
    }

    @given(SEEDS, st.sampled_from(list(RULES)), st.integers(0, 5))
    def test_rounds_go_on_until_the_rule_holds(self, seed, until, screened):
        world = World(seed, lost=0.0)
        rollout = Adaptive(samples=3, rounds=4, until=until)
        group = played(rollout, world, screened=screened).end
        known = world.known(screened=screened).screened[:3]
        for t, ready in zip(group.trajectories, known, strict=False):
            assert t.tokens.tolist() == ready.tokens.tolist()
        outcomes = [t.correct for t in group.trajectories]
        first = len(known) or 3
        rounds = [outcomes[: first + 3 * number] for number in range(4)]
        number = next((i for i, r in enumerate(rounds) if self.RULES[until](sum(r), len(r) - sum(r))), 3)
        assert len(outcomes) == first + 3 * number
        assert group.stats["rounds"] == 1 + number

    def test_a_balance_that_no_group_reaches_is_refused(self):
        with pytest.raises(ValidationError, match="balance = 4 is above samples x rounds = 2"):
            Adaptive(samples=1, rounds=2)


class TestUncertain:
    @given(SEEDS, st.integers(1, 4))
    def test_a_step_of_a_tree_ends_before_its_next_boundary(self, seed, interval):
        rng = random.Random(seed)
        logprobs = np.asarray([rng.choice([0.0, -0.05, -1.0]) for _ in range(20)])
        boundary = Uncertain(interval=interval)
        lengths = boundary.split(logprobs, [""] * 20)
        ends = np.cumsum(lengths)
        for begun, length in zip(ends[:-1], lengths[1:], strict=True):
            assert boundary.cut(logprobs[begun:]) == length

    def test_a_probability_of_rho_itself_is_certain(self):
        assert Uncertain(interval=1).split(np.log([0.9, 0.8999, 0.95]), ["", "", ""]) == [1, 2]


class TestText:
    @pytest.mark.parametrize(
        ("said", "shortest", "lengths"),
        [
            (["a", "\n", "b", "\n"], 1, [2, 2]),
            (["\n", " \n", "a", "\n", "b"], 1, [4, 1]),
            (["a", "\n", "\n", "\n"], 1, [4]),
            (["a", ".\nb", "c", "\n"], 1, [2, 2]),
            (["long", "\n", "x", "\n", "wider", "\n", "y"], 2, [2, 5]),
            (["\n"], 1, [1]),
            ([], 1, []),
        ],
    )
    def test_blank_and_short_steps_join_their_neighbours(self, said, shortest, lengths):
        assert Text(shortest=shortest).split(np.zeros(len(said)), said) == lengths

    def test_step_tokens_bounds_what_no_text_ends(self):
        assert Text().split(np.zeros(7), list("abc\ndef"), 3) == [3, 1, 3]
