"""Rollouts that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import count
from typing import ClassVar

import numpy as np

from dsk.components.rollouts.branch import Branch
from dsk.components.rollouts.jobs.branching import Branching
from dsk.components.rollouts.probed import Probed
from dsk.core.roles import Rollout
from dsk.core.sampling.responses import Responses
from dsk.core.types import Question
from dsk.testing import RolloutContract

CALLS = count()


class Sound(Branch):
    """Complete, then fork: what each mistake below starts from, or makes in its job."""

    kind: ClassVar[str] = "sound"
    job: ClassVar[type[Branching]] = Branching

    chains: int = 2
    forks: int = 3
    continuations: int = 1
    rounds: int = 2

    def start(self, problem, known, seed, setting):
        return self.job(problem, known, self, seed, setting)


class BrokenRollout(RolloutContract):
    rollout: ClassVar[Rollout]

    def make_rollout(self):
        return self.rollout


def with_job(job: type[Branching]) -> Rollout:
    """The sound rollout with another job."""
    return type("WithJob", (Sound,), {"job": job, "__doc__": job.__doc__, "__module__": __name__})()


class Changed(Branching):
    """A group that is changed in the end."""

    def change(self, t):
        return t

    def group(self):
        group = super().group()
        return replace(group, trajectories=tuple(self.change(t) for t in group.trajectories))


class Unseeded(Sound):
    """Another seed at every call."""

    def start(self, problem, known, seed, setting):
        return super().start(problem, known, next(CALLS), setting)


class BreaksDeterminism(BrokenRollout):
    caught_by = "test_equal_seeds_give_equal_requests_and_groups"
    rollout = Unseeded()


class InOrderOfArrival(Branching):
    """Remembers what came first."""

    def deliver(self, request_id, samples):
        if len(self._out) > 1:
            self.first = request_id
        return super().deliver(request_id, samples)

    def stats(self, harvest):
        return {**super().stats(harvest), "first": sum(map(ord, getattr(self, "first", "")))}


class BreaksTheOrder(BrokenRollout):
    caught_by = "test_the_order_in_which_things_come_back_does_not_matter"
    rollout = with_job(InOrderOfArrival)


class ShortNames(Branching):
    """Ids that say nothing of the problem."""

    def _request(self, number, start):
        return replace(super()._request(number, start), id=f"{self.wave}/{number}")


class BreaksTheNames(BrokenRollout):
    caught_by = "test_request_ids_are_unique_among_problems_and_seeds"
    rollout = with_job(ShortNames)


class OwnSeeds(Branching):
    """Numbers its requests, whatever the seed."""

    def _request(self, number, start):
        return replace(super()._request(number, start), seed=1000 * self.wave + number)


class BreaksTheSeed(BrokenRollout):
    caught_by = "test_another_seed_draws_other_samples"
    rollout = with_job(OwnSeeds)


class OneSeed(Branching):
    """The job's seed for every request."""

    def _request(self, number, start):
        return replace(super()._request(number, start), seed=self.seed)


class BreaksForksOfOnePlace(BrokenRollout):
    caught_by = "test_requests_from_one_place_draw_other_samples"
    rollout = with_job(OneSeed)


class Insisting(Branching):
    """Hands every wave out twice."""

    again: tuple = ()

    def requests(self):
        found = super().requests()
        found, self.again = (found, tuple(found)) if found else (list(self.again), ())
        return found


class BreaksHandingOut(BrokenRollout):
    caught_by = "test_each_request_is_handed_out_once"
    rollout = with_job(Insisting)


class Closed(Branching):
    """Waits for verdicts, and says that nothing does."""

    open = False

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.waits = True


class BreaksOpenness(BrokenRollout):
    caught_by = "test_answers_lead_to_requests_only_while_the_job_is_open"
    rollout = with_job(Closed)


class Roomy(Branching):
    """Forgets that what was given takes room."""

    def room(self, end):
        return super().room(end - len(self.known.given))


class BreaksTheLimit(BrokenRollout):
    caught_by = "test_requests_begin_with_what_was_given_and_stay_below_the_limit"
    rollout = with_job(Roomy)


class Promptless(Branching):
    """Leaves the prompt out."""

    def _request(self, number, start):
        request = super()._request(number, start)
        return replace(request, prefix=request.prefix[len(self.known.prompt) :])


class BreaksTheBeginning(BrokenRollout):
    caught_by = "test_requests_begin_with_what_was_given_and_stay_below_the_limit"
    rollout = with_job(Promptless)


class AllTrained(Changed):
    """Trains what was given."""

    def change(self, t):
        return replace(t, trained=np.ones(len(t.tokens), bool))


class BreaksTheMask(BrokenRollout):
    caught_by = "test_what_was_given_is_attended_to_and_never_trained"
    rollout = with_job(AllTrained)


class Ungiven(Sound):
    """Begins at the prompt, whatever is given."""

    def start(self, problem, known, seed, setting):
        return super().start(problem, replace(known, given=()), seed, setting)


class BreaksGiving(BrokenRollout):
    caught_by = "test_what_was_given_is_attended_to_and_never_trained"
    rollout = Ungiven()


class Valueless(Changed):
    """Has no values."""

    def change(self, t):
        return replace(t, values=())


class BreaksTheCounts(BrokenRollout):
    caught_by = "test_tokens_nodes_and_values_are_as_many_as_they_should_be"
    rollout = with_job(Valueless)


class OwnRewards(Changed):
    """Makes rewards of its own."""

    def change(self, t):
        return replace(t, reward=1.0 if t.correct else -1.0)


class BreaksTheRewards(BrokenRollout):
    caught_by = "test_rewards_are_those_of_the_verdicts"
    rollout = with_job(OwnRewards)


class KeepsAll(Responses):
    """Keeps samples whose log-probabilities are no numbers."""

    def deliver(self, request_id, samples):
        super().deliver(request_id, samples)
        self._samples, self.dropped_samples = list(samples), 0
        return [Question(i, self.known.given + sample.tokens) for i, sample in enumerate(samples)]


class Careless(Sound):
    """Starts a job that keeps all samples."""

    values: ClassVar[str] = "none"

    def start(self, problem, known, seed, setting):
        return KeepsAll(problem, known, 4, seed, setting)


class BreaksDropping(BrokenRollout):
    caught_by = "test_a_sample_without_a_probability_is_in_no_trajectory"
    rollout = Careless()


class OwnMeans(Changed):
    """Takes a trajectory's reward for every node's."""

    def change(self, t):
        return replace(t, mean_rewards=(t.reward,) * len(t.mean_rewards))


class BreaksTheMeans(BrokenRollout):
    caught_by = "test_nodes_know_the_mean_reward_of_the_ends_below_them"
    rollout = with_job(OwnMeans)


class Numbered(Changed):
    """Numbers the nodes of each response from 1."""

    def change(self, t):
        return replace(t, node_ids=tuple(range(1, len(t.node_ids) + 1)))


class BreaksTheNodes(BrokenRollout):
    caught_by = "test_nodes_that_trajectories_share_hold_the_same_tokens"
    rollout = with_job(Numbered)


class Nodeless(Sound):
    """Says that its responses are one node each."""

    values: ClassVar[str] = "none"


class BreaksTheValues(BrokenRollout):
    caught_by = "test_values_say_what_is_known_of_nodes"
    rollout = Nodeless()


class SecretProbes(Probed):
    """Has probes, and does not say so."""

    kind: ClassVar[str] = "secret"
    values: ClassVar[str] = "tree"

    samples: int = 2
    probes: int = 1


class BreaksProbes(BrokenRollout):
    caught_by = "test_values_say_what_is_known_of_nodes"
    rollout = SecretProbes()


class SmallGroup(Sound):
    """Counts its trees for its responses."""

    def group_size(self):
        return self.chains


class BreaksTheSize(BrokenRollout):
    caught_by = "test_the_bounds_hold"
    rollout = SmallGroup()


class SmallRequest(Sound):
    """Counts one sample of a request."""

    def largest_request(self, max_response_tokens):
        return max_response_tokens, "max_response_tokens"


class BreaksTheRequest(BrokenRollout):
    caught_by = "test_the_bounds_hold"
    rollout = SmallRequest()


class ShortReach(Sound):
    """Says that its responses are short."""

    def reach(self, max_response_tokens):
        return max_response_tokens // 4


class BreaksTheReach(BrokenRollout):
    caught_by = "test_the_bounds_hold"
    rollout = ShortReach()


class FewTokens(Branching):
    """Counts the tokens of what it kept."""

    def stats(self, harvest):
        return {**super().stats(harvest), "tokens": len(self.forest)}


class BreaksTheFigures(BrokenRollout):
    caught_by = "test_figures_are_numbers_and_count_every_token_that_was_sampled"
    rollout = with_job(FewTokens)


class NoNumber(Branching):
    """A figure that is not there."""

    def stats(self, harvest):
        return {**super().stats(harvest), "tokens_to_first_solution": float("nan")}


class BreaksNumbers(BrokenRollout):
    caught_by = "test_figures_are_numbers_and_count_every_token_that_was_sampled"
    rollout = with_job(NoNumber)


class GlobalRandom(Sound):
    """Draws from `random`."""

    def start(self, problem, known, seed, setting):
        random.random()
        return super().start(problem, known, seed, setting)


class BreaksSeeding(BrokenRollout):
    caught_by = "test_global_randomness_is_left_alone"
    rollout = GlobalRandom()


class SharedCount(Branching):
    """Counts for all jobs in one place."""

    total: ClassVar[list[int]] = [0]

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.total[0] = 0

    def deliver(self, request_id, samples):
        self.total[0] += sum(len(sample.tokens) for sample in samples)
        return super().deliver(request_id, samples)

    def stats(self, harvest):
        return {**super().stats(harvest), "tokens": self.total[0]}


class BreaksCompany(BrokenRollout):
    caught_by = "test_jobs_side_by_side_do_not_disturb_each_other"
    rollout = with_job(SharedCount)


class Mixed(Branching):
    """A kept tree whose tokens are those of other nodes."""

    def _record(self, harvest):
        record = super()._record(harvest)
        return replace(record, tokens=record.tokens[::-1])


class BreaksKeptTrees(BrokenRollout):
    caught_by = "test_a_whole_tree_is_kept_where_it_is_asked_for"
    rollout = with_job(Mixed)
