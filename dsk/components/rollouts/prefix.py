"""`prefix`: start inside a known solution, or inside a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from dsk.components.rollouts.jobs.counted import Counted
from dsk.core.component import Otherwise, default_part
from dsk.core.errors import DataError
from dsk.core.roles import Job, Known, Rollout, Setting
from dsk.core.roles.rollout import Tokens
from dsk.core.seeding import derive_seed
from dsk.core.types import Group, Problem

Names = tuple[str, str]
SOLUTION: Names = ("reveal_low", "reveal_high")
FAILURE: Names = ("failing_low", "failing_high")
"""What groups leave of the interval that the given share is drawn from."""


class Prefix(Rollout):
    """Another rollout, begun after the first part of a known solution (PrefixRL, POPE, AdaBack), or of a failure.

    What is given is attended to and never trained. Its share of the solution's tokens is uniform in [`shortest`,
    `longest`]; with `pass_mark` that interval is the problem's own and is steered by its groups, as in AdaBack: a share
    correct below the mark raises the lower end to the share that was given, any other takes the upper end down to
    it and the lower to 0. (AdaBack starts unvisited problems from moving averages over the visited; here all start
    alike.) Where no solution is known the rollout starts at the prompt, and the group's `fell_back` is 1.

    Failures are the wrong responses of the problem's last group that is kept, one drawn at random: Prefix Sampling
    (arXiv 2605.05112) starts mostly passing problems inside failing responses of the policy's own, and mostly failing
    ones inside successful ones (`both`). The share is of the longest beginning that is not hopeless: the nodes of the
    failure that a right end of its group lies below; where its tree has none, as in groups of whole responses, of the
    whole failure but its last token. An interval of its own is steered the other way, since more of a failure is
    harder: a share correct below the mark takes the upper end down, any other raises the lower end. (That paper's own
    controller of lengths was not read.) A problem's first group starts at the prompt.
    """

    kind: ClassVar[str] = "prefix"

    shortest: float = Field(default=0.4, ge=0, lt=1, description="Least share of the solution's tokens to give.")
    longest: float = Field(default=0.8, ge=0, lt=1, description="Largest share of the solution's tokens to give.")
    pass_mark: float | None = Field(
        default=None, gt=0, le=1, description="Share correct that counts as passed, to steer the interval; null: fixed."
    )
    column: str | None = Field(
        default=None,
        description="Column of the data that holds a worked solution to start inside of; null: cached solutions.",
    )
    inside: Literal["solutions", "failures", "both"] = Field(
        default="solutions",
        description="What to start inside of: known `solutions`, the problem's own `failures`, or `both`: failures"
        " where at least half of the last fresh responses were correct, solutions elsewhere.",
    )
    rollout: Annotated[Rollout, Otherwise("direct")] = default_part(Rollout, "direct", "What samples from there on.")

    @model_validator(mode="after")
    def _check(self) -> Prefix:
        if self.shortest > self.longest:
            raise ValueError(f"shortest = {self.shortest} is above longest = {self.longest}; swap them")
        if self.column is not None and self.inside == "failures":
            raise ValueError(f"column = '{self.column}' names solutions, and inside = 'failures' uses none; drop one")
        if self.rollout.uses_solutions or isinstance(self.rollout, Prefix):
            raise ValueError(f"rollout: '{self.rollout.kind}' cannot start from a prefix; name 'direct' or 'tree'")
        return self

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """Which solution or failure and how much of it derive from the seed."""
        rng = np.random.default_rng(derive_seed(seed, "prefix"))
        failing = self._is_failing(known)
        source = _failure(known, rng) if failing else self._solution(problem, known, rng, setting)
        names = FAILURE if failing else SOLUTION
        low, high = known.history.get(names[0], self.shortest), known.history.get(names[1], self.longest)
        share = float(rng.uniform(low, high)) if source else 0.0
        given = source[: min(int(share * len(source)), setting.max_response_tokens - 1)]
        bare = replace(known, given=given, solutions=(), screened=(), failures=())
        job = self.rollout.start(problem, bare, seed, setting)
        figures = {"fell_back": float(not source), "given_tokens": float(len(given)), "from_failure": float(failing)}
        return Counted(job, figures, lambda group: self._steered(group, share, high, names) if source else {})

    def _is_failing(self, known: Known) -> bool:
        """Whether to start inside a failure."""
        passes = known.pass_rate is not None and known.pass_rate >= 0.5
        return bool(known.failures) and (self.inside == "failures" or (self.inside == "both" and passes))

    def _solution(self, problem: Problem, known: Known, rng: np.random.Generator, setting: Setting) -> Tokens:
        """The tokens of the solution to start inside of; none where none is known."""
        if self.column is not None:
            text = problem.meta.get(self.column)
            if not isinstance(text, str):
                raise DataError(
                    f"problem '{problem.id}': rollout prefix.column: no text in the column '{self.column}'; columns:"
                    f" {', '.join(sorted(problem.meta)) or 'none'}"
                )
            return tuple(setting.encode(text))
        if not known.solutions or self.inside == "failures":
            return ()
        return known.solutions[int(rng.integers(len(known.solutions)))].tokens

    def _steered(self, group: Group, share: float, high: float, names: Names) -> Mapping[str, float]:
        """The problem's interval after a group that was given this share; less of it next where it was too much."""
        if self.pass_mark is None or not group.trajectories:
            return {}
        passed = sum(t.correct for t in group.trajectories) / len(group.trajectories) >= self.pass_mark
        less = passed == (names == SOLUTION)
        interval = (0.0, min(share, high)) if less else (min(share, high), high)
        return dict(zip(names, interval, strict=True))

    @property
    def keeps_trees(self) -> bool:
        """As the rollout does."""
        return self.rollout.keeps_trees

    @property
    def uses_solutions(self) -> bool:
        """Not where a column of the data has them, nor inside failures."""
        return self.column is None and self.inside != "failures"

    @property
    def uses_failures(self) -> bool:
        """As `inside` says."""
        return self.inside != "solutions"

    @property
    def needs_scores(self) -> str | None:
        """What the rollout within needs them for."""
        inner = self.rollout.needs_scores
        return inner and f"rollout.{inner}"

    def group_size(self) -> int:
        """That of the rollout."""
        return self.rollout.group_size()

    def reach(self, max_response_tokens: int) -> int:
        """The limit: what is given comes before what the rollout samples."""
        return max_response_tokens

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """The most that any number of given tokens makes of the rollout's: it has less room after more of them."""

        def held(given: int) -> tuple[int, str]:
            tokens, fields = self.rollout.largest_request(max_response_tokens - given)
            return given + tokens, f"rollout: {fields}"

        return max(map(held, range(max_response_tokens)), key=itemgetter(0))

    def doubts(self, max_response_tokens: int) -> Iterable[str]:
        """Those of the rollout."""
        return (f".rollout{line}" for line in self.rollout.doubts(max_response_tokens))


def _failure(known: Known, rng: np.random.Generator) -> Tokens:
    """What may be given of one of the failures: its end is never given."""
    failure = known.failures[int(rng.integers(len(known.failures)))]
    return failure.tokens[: failure.recoverable or -1]
