"""`RolloutContract`: subclass it, say how to make your rollout, and pytest checks what every rollout promises."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Known, Rollout
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Trajectory
from dsk.testing.component import ComponentContract, quick
from dsk.testing.jobs import LIMIT, PROMPT, Played, World, below, play, start
from dsk.testing.purity import global_randomness_untouched

SEEDS = st.integers(0, 2**32 - 1)


def _tokens_to(tree: TreeRecord, node: int) -> list[int]:
    """Tokens of the response from its beginning to the node's end."""
    above = _tokens_to(tree, int(tree.parent[node])) if node else []
    return above + tree.step_tokens(node).tolist()


class RolloutContract(ComponentContract):
    """What every rollout promises. Override `make_rollout`, with few and short samples: responses have 24 tokens."""

    @abstractmethod
    def make_rollout(self) -> Rollout:
        """The rollout under test; each call gives an equal one."""

    def component(self) -> Rollout:
        """The rollout."""
        return self.make_rollout()

    def known(self, world: World) -> Known:
        """What is known of the problem: solutions and failures where the rollout uses them, or some given tokens."""
        number, rollout = world.seed % 4, self.make_rollout()
        failures = (world.seed + 1) % 4 if rollout.uses_failures else 0
        if rollout.uses_solutions:
            return world.known(solutions=number + rollout.needs_solutions, failures=failures)
        if rollout.uses_failures:
            return world.known(failures=failures)
        return world.known(given=number, screened=world.seed % 3)

    def play(self, seed: int, order: int | None = None) -> Played:
        """A job in the world of a seed, played to its end."""
        world = World(seed, end=(0.02, 0.1, 0.4)[seed % 3])
        return play(world, start(self.make_rollout(), world, self.known(world), seed), order)

    def trajectories(self, seed: int) -> tuple[Trajectory, ...]:
        """Those of the world's group."""
        return self.play(seed).end.trajectories

    @given(seed=SEEDS)
    @quick
    def test_equal_seeds_give_equal_requests_and_groups(self, seed: int) -> None:
        first, again = self.play(seed), self.play(seed)
        assert first.requests == again.requests, "draw from the seed alone"
        assert first.end == again.end

    @given(seed=SEEDS, order=SEEDS)
    @quick
    def test_the_order_in_which_things_come_back_does_not_matter(self, seed: int, order: int) -> None:
        plain, other = self.play(seed), self.play(seed, order)
        asked = {request.id: request for request in plain.requests}
        assert asked == {request.id: request for request in other.requests}
        assert plain.end == other.end, "a group depends on which request or answer came first"

    @given(seed=SEEDS)
    @quick
    def test_request_ids_are_unique_among_problems_and_seeds(self, seed: int) -> None:
        world = World(seed)
        runs = [("p", seed), ("q", seed), ("p", seed + 1)]
        jobs = [start(self.make_rollout(), world, self.known(world), s, name) for name, s in runs]
        names = [request.id for job in jobs for request in play(world, job).requests]
        assert len(set(names)) == len(names), "make a request's id of the problem's id, the seed and its place"

    @given(seed=SEEDS)
    @quick
    def test_another_seed_draws_other_samples(self, seed: int) -> None:
        world = World(seed)
        jobs = [start(self.make_rollout(), world, self.known(world), s) for s in (seed, seed + 1)]
        seeds = [{(request.prefix, request.seed) for request in play(world, job).requests} for job in jobs]
        assert not seeds[0] & seeds[1], "derive the seed of every request from the job's"

    @given(seed=SEEDS)
    @quick
    def test_requests_from_one_place_draw_other_samples(self, seed: int) -> None:
        drawn = [(request.prefix, request.seed) for request in self.play(seed).requests]
        assert len(set(drawn)) == len(drawn), "two requests of one prefix and seed bring the same samples"

    @given(seed=SEEDS, order=SEEDS)
    @quick
    def test_each_request_is_handed_out_once(self, seed: int, order: int) -> None:
        assert self.play(seed, order).repeated == 0

    @given(seed=SEEDS, order=SEEDS)
    @quick
    def test_answers_lead_to_requests_only_while_the_job_is_open(self, seed: int, order: int) -> None:
        assert self.play(seed, order).surprising == 0, "`open` was false, and an answer led to a request"

    @given(seed=SEEDS)
    @quick
    def test_requests_begin_with_what_was_given_and_stay_below_the_limit(self, seed: int) -> None:
        world = World(seed)
        job = start(self.make_rollout(), world, self.known(world), seed)
        given = list(job.given)
        for request in play(world, job).requests:
            assert any(request.prefix[: len(prefix)] == prefix for prefix in given)
            assert request.n >= 1
            assert request.max_tokens >= 1
            response = len(request.prefix) - len(PROMPT) + request.max_tokens
            assert response <= LIMIT, f"a response of {response} tokens; the limit is {LIMIT}, given tokens included"

    @given(seed=SEEDS)
    @quick
    def test_what_was_given_is_attended_to_and_never_trained(self, seed: int) -> None:
        world = World(seed)
        given = self.known(world).given
        played = play(world, start(self.make_rollout(), world, self.known(world), seed))
        for t in played.end.trajectories:
            fresh = [q for q in played.questions if list(q.tokens) == t.tokens.tolist()]
            if fresh:
                assert tuple(t.tokens[: len(given)].tolist()) == given, "a response begins with what was given"
                assert t.given >= len(given)
            assert not t.trained[: t.given].any()
            assert t.trained[t.given :].all(), "what was sampled is trained"

    @given(seed=SEEDS)
    @quick
    def test_tokens_nodes_and_values_are_as_many_as_they_should_be(self, seed: int) -> None:
        for t in self.trajectories(seed):
            assert len(t.logprobs) == len(t.trained) == len(t.tokens) == t.given + t.node_lengths.sum()
            assert len(t.values) == len(t.node_ids) == len(t.node_lengths) == len(t.mean_rewards) - 1
            assert t.given >= 0
            assert len(set(t.node_ids)) == len(t.node_ids)
            assert 0 not in t.node_ids, "0 is the root, which is left out"

    @given(seed=SEEDS)
    @quick
    def test_rewards_are_those_of_the_verdicts(self, seed: int) -> None:
        world = World(seed, end=0.1)
        for t in play(world, start(self.make_rollout(), world, self.known(world), seed)).end.trajectories:
            verdict = world.verdict(t.tokens.tolist())
            assert (t.correct, t.answer) == (verdict.correct, verdict.answer)
            assert t.reward == world.setting.reward(verdict), "a reward is `setting.reward` of the verdict"

    @given(seed=SEEDS)
    @quick
    def test_a_sample_without_a_probability_is_in_no_trajectory(self, seed: int) -> None:
        world = World(seed, lost=0.5)
        for t in play(world, start(self.make_rollout(), world, self.known(world), seed)).end.trajectories:
            assert np.isfinite(t.logprobs).all(), "drop samples whose log-probabilities are not all numbers"

    @given(seed=SEEDS)
    @quick
    def test_nodes_know_the_mean_reward_of_the_ends_below_them(self, seed: int) -> None:
        group = self.play(seed).end
        means = below(group)
        for t in group.trajectories:
            assert t.node_ids in {end.path for end in group.verified if not end.probe}, "its end is no terminal"
            assert np.allclose(t.mean_rewards, [means[node] for node in (0, *t.node_ids)], rtol=1e-12, atol=1e-12)

    @given(seed=SEEDS)
    @quick
    def test_nodes_that_trajectories_share_hold_the_same_tokens(self, seed: int) -> None:
        held: dict[int, tuple[int, list[int]]] = {}
        for t in self.trajectories(seed):
            ends = np.cumsum([t.given, *t.node_lengths])[1:]
            above = (0, *t.node_ids)
            for parent, node, end in zip(above, t.node_ids, ends.tolist(), strict=False):
                found = (parent, t.tokens[:end].tolist())
                assert held.setdefault(node, found) == found, f"node {node} is two different steps"

    @given(seed=SEEDS)
    @quick
    def test_values_say_what_is_known_of_nodes(self, seed: int) -> None:
        rollout = self.make_rollout()
        assert rollout.values in ("tree", "probes", "none")
        group = self.play(seed).end
        if rollout.values == "none":
            assert all(len(t.node_ids) == 1 for t in group.trajectories), "a whole response is one node"
        if rollout.values != "probes":
            assert not any(end.probe for end in group.verified), 'set `values = "probes"`'

    @given(seed=SEEDS)
    @quick
    def test_the_bounds_hold(self, seed: int) -> None:
        world, rollout = World(seed, end=0.05), self.make_rollout()
        known = self.known(world)
        played = play(world, start(rollout, world, known, seed))
        assert len(played.end.trajectories) <= rollout.group_size()
        beyond = len(PROMPT) + len(known.given)
        held = [len(r.prefix) - beyond + r.n * r.max_tokens for r in played.requests]
        assert max(held, default=0) <= rollout.largest_request(LIMIT)[0]
        fresh = {tuple(q.tokens) for q in played.questions}
        longest = [
            len(t.tokens) - len(known.given) for t in played.end.trajectories if tuple(t.tokens.tolist()) in fresh
        ]
        assert max(longest, default=0) <= rollout.reach(LIMIT) <= LIMIT

    @given(seed=SEEDS)
    @quick
    def test_a_whole_tree_is_kept_where_it_is_asked_for(self, seed: int) -> None:
        rollout, world = self.make_rollout(), World(seed, end=0.1)
        known = self.known(world)
        plain, keeping = (play(w, start(rollout, w, known, seed)).end for w in (world, replace(world, keep_trees=True)))
        assert plain.tree is None
        assert replace(keeping, tree=None) == plain, "keeping a tree changes nothing else"
        tree = keeping.tree
        assert (tree is not None) == rollout.keeps_trees, "`keeps_trees` says whether groups come with trees"
        if tree is None:
            return
        for t in keeping.trajectories:
            ends = t.given + np.cumsum(t.node_lengths)
            for node, end in zip(t.node_ids, ends, strict=True):
                assert _tokens_to(tree, node) == t.tokens[:end].tolist(), "the tree's nodes are the trajectories'"

    @given(seed=SEEDS)
    @quick
    def test_figures_are_numbers_and_count_every_token_that_was_sampled(self, seed: int) -> None:
        played = self.play(seed)
        stats = played.end.stats
        assert all(isinstance(value, int | float) and np.isfinite(value) for value in stats.values()), stats
        assert stats["tokens"] == played.sampled

    @given(seed=SEEDS)
    @quick
    def test_global_randomness_is_left_alone(self, seed: int) -> None:
        with global_randomness_untouched():
            self.play(seed)

    @given(seed=SEEDS)
    @quick
    def test_jobs_side_by_side_do_not_disturb_each_other(self, seed: int) -> None:
        world, rollout = World(seed), self.make_rollout()
        alone = play(world, start(rollout, world, self.known(world), seed)).end
        job = start(rollout, world, self.known(world), seed)
        play(world, start(rollout, world, self.known(world), seed + 1, "q"))
        assert play(world, job).end == alone, "a job keeps what it needs to itself, not in its rollout"
