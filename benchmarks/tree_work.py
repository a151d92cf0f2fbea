"""The searches that benchmarks/rollout.py measures, and what is noted of a run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

PROMPT, BLOCK = 56, 32


def untaught(max_response_tokens: int) -> Any:
    """The setting of searches whose texts nobody reads: plain sampling, +1 and -1."""
    from dsk.core.roles import Setting
    from dsk.core.spec import RewardSpec, SamplingSpec

    return Setting(SamplingSpec(), max_response_tokens, RewardSpec().of, lambda tokens: [""] * len(tokens))


@dataclass(frozen=True)
class Work:
    """The searches that every variant runs."""

    trees: int
    width: int = 8
    depth: int = 16
    step: int = 32
    expansions: int = 20

    @property
    def rows(self) -> int:
        """Samples in flight."""
        return self.trees * self.width

    @property
    def path(self) -> int:
        """Tokens of the longest response."""
        return self.depth * self.step

    def jobs(self, vocabulary: int) -> list[Any]:
        """The searches, from prompts of random tokens."""
        from dsk.components.rollouts.jobs.tree_search import TreeSearch
        from dsk.components.rollouts.tree import Tree
        from dsk.core.roles import Known
        from dsk.core.types import Problem

        spec = Tree(width=self.width, max_depth=self.depth, step_tokens=self.step, trajectories=1 << 20,
                    max_expansions=self.expansions)  # fmt: skip
        draw = random.Random(0)
        prompts = [tuple(draw.randrange(3, vocabulary) for _ in range(PROMPT)) for _ in range(self.trees)]
        return [
            TreeSearch(Problem(f"tree{i}", "", ""), Known(prompt), spec, i, untaught(self.path))
            for i, prompt in enumerate(prompts)
        ]

    def flat(self, vocabulary: int) -> list[Any]:
        """Requests for as many tokens as the searches sample, without a tree."""
        left, requests = self.expansions * self.step, []
        while left:
            length = min(left, self.path)
            for number, job in enumerate(self.jobs(vocabulary)):
                [request] = job.requests()
                requests.append(replace(request, id=f"{left}.{number}", max_tokens=length, seed=left + number))
            left -= length
        return requests


@dataclass(frozen=True)
class Result:
    """One run. `distinct` and `forwarded` tokens went through the model; `blocks` are tokens of full blocks of
    prefixes, for each sample; `cached` those that came from the cache."""

    seconds: float
    sampled: int
    distinct: int
    forwarded: int
    cached: int
    blocks: int
    occupancy: float
    peak: int


class Unsolved:
    """A verifier to which everything is wrong: trees get the same shape whatever is sampled."""

    def verify(self, items: Sequence[Any]) -> list[Any]:
        """One verdict per item."""
        from dsk.core.types import Verdict

        return [Verdict(False, None, "benchmark") for _ in items]


def result_of(jobs: Sequence[Any], seconds: float, forwarded: int, cached: int, occupancy: float, peak: int) -> Result:
    """What was run; the distinct tokens are counted in the finished trees."""
    trees = [job.tree for job in jobs]
    leaves = sum(int((~tree.expanded).sum()) for tree in trees)
    sampled = sum(tree.token_count() for tree in trees)
    prefixes = [len(job.known.prompt) + tree.response_length(n) for job, tree in zip(jobs, trees, strict=True)
                for n in job.expansion_order]  # fmt: skip
    return Result(
        seconds=seconds,
        sampled=sampled,
        distinct=sum(len(job.known.prompt) for job in jobs) + sampled - leaves,
        forwarded=forwarded,
        cached=cached,
        blocks=sum((length - 1) // BLOCK * BLOCK * jobs[0].spec.width for length in prefixes),
        occupancy=occupancy,
        peak=peak,
    )
