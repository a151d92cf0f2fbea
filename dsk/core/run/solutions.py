"""A run's use of its solution cache: what is replayed, what is refused, what enters after a round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsk.core.model.policy import Policy
from dsk.core.roles import CacheSession, Solution, VerifierSession
from dsk.core.roles.rollout import Tokens
from dsk.core.run.ledger import Ledger
from dsk.core.sampling.responses import whole_response
from dsk.core.sampling.verdicts import judge
from dsk.core.training.learner import Learner
from dsk.core.types import CachedSolution, Group, Problem, Sample, Trajectory, Verdict


class Solutions:
    """The cache of one run, as its rounds need it."""

    def __init__(
        self, cache: CacheSession, verifier: VerifierSession, policy: Policy, learner: Learner, ledger: Ledger
    ) -> None:
        self.cache, self.verifier, self.policy, self.learner, self.ledger = cache, verifier, policy, learner, ledger
        self.spec = ledger.spec
        self._rejected: list[CachedSolution] = []
        self._foreign = False

    def verified(self, problem: Problem) -> tuple[Solution, ...]:
        """The problem's solutions that still verify, and are neither too old nor too long, oldest first."""
        solutions = self._young(problem)
        verdicts = judge(self.verifier, [(problem, s.text) for s in solutions]) if solutions else []
        judged = list(zip(solutions, verdicts, strict=True))
        rejected = [s for s, v in judged if not v.correct]
        if rejected:
            self.ledger.emit("cache_rejected", problem=problem.id, solutions=len(rejected))
            self._rejected += rejected
        usable = (Solution(self._own(s), v.answer, v.score) for s, v in judged if v.correct)
        return tuple(solution for solution in usable if len(solution.tokens) <= self.spec.max_response_tokens)

    def _young(self, problem: Problem) -> list[CachedSolution]:
        return [solution for solution in self.cache.get(problem.id) if not self._is_aged(solution)]

    def _is_aged(self, solution: CachedSolution) -> bool:
        """Whether more than `replay_age` rounds have begun since it was found."""
        found = solution.round if solution.run == self.spec.name else -1
        return self.spec.replay_age is not None and self.ledger.state.round - found > self.spec.replay_age

    def aged(self, problems: Sequence[Problem]) -> int:
        """How many cached solutions of the problems are too old to be replayed."""
        return sum(self._is_aged(solution) for problem in problems for solution in self.cache.get(problem.id))

    def _own(self, solution: CachedSolution) -> tuple[int, ...]:
        """The solution's tokens; encoded again from its text where they are those of another tokenizer."""
        if solution.tokenizer == self.policy.tokenizer_id:
            return solution.tokens
        if not self._foreign:
            self._foreign = True
            self.ledger.notice(
                f"the cache holds solutions of another tokenizer (run '{solution.run}');"
                " they are encoded again from their text before they are replayed"
            )
        return (*self.policy.encode(solution.text), self.policy.eos_ids[0])

    def replayed(self, prompt: Tokens, solutions: Sequence[Solution]) -> list[Trajectory]:
        """Solutions as trajectories, scored under the present policy."""
        scores = self.learner.score([prompt + solution.tokens for solution in solutions])
        return [
            self._trajectory(s, tuple(found[len(prompt) - 1 :])) for s, found in zip(solutions, scores, strict=True)
        ]

    def _trajectory(self, solution: Solution, scores: tuple[float, ...]) -> Trajectory:
        sample = Sample(solution.tokens, scores, "eos", self.ledger.state.version)
        verdict = Verdict(True, solution.answer, "cached", solution.score)
        return whole_response(sample, verdict, self.spec.rewards.of(verdict), "cached")

    def admit(self, groups: Iterable[tuple[int, Group]], hard: set[str]) -> int:
        """Cache the solutions of (step, group) that belong to problems still hard (Algorithm 1). How many were new."""
        return self.cache.put([s for step, g in groups if g.problem.id in hard for s in self._found(g, step)])

    def _found(self, group: Group, step: int) -> Iterable[CachedSolution]:
        for t in group.trajectories:
            if t.correct and (t.origin == "search" or (self.spec.admit == "all" and t.origin == "direct")):
                place = (self.spec.name, self.ledger.state.round, step, t.version, self.policy.tokenizer_id)
                text = self.policy.decode(t.tokens)
                yield CachedSolution(
                    group.problem.id, tuple(t.tokens.tolist()), tuple(t.logprobs.tolist()), text, *place
                )

    def known(self, problems: Sequence[Problem]) -> int:
        """How many of the problems are replayed from the cache rather than searched."""
        return sum(bool(self._young(p)) for p in problems) if self.spec.replay else 0

    def drop_rejected(self) -> None:
        """Take rejected solutions out of the cache; after a checkpoint, since a resume must find what it found."""
        if self._rejected:
            self.cache.discard(self._rejected)
            self._rejected = []

    def roll_back(self) -> None:
        """Forget what this run cached after its checkpoint."""
        state = self.ledger.state
        # solutions enter at the end of their round: what this round or a later one gave came too early
        self.cache.rollback(self.spec.name, state.step - state.round_step - 1)


def scored_tokens(groups: Sequence[Group]) -> int:
    """Tokens that scoring the groups' replayed solutions took."""
    return sum(len(g.prompt_tokens) + len(t.tokens) for g in groups for t in g.trajectories if t.origin == "cached")
