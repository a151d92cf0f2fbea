"""A policy that is a function of the path: what Hypothesis draws, every search sees in the same way."""

import random
from dataclasses import dataclass

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.core.seeding import derive_seed
from dsk.core.spec import SamplingSpec, SearchSpec
from dsk.core.types import Problem, Sample, Verdict

PROBLEM = Problem("p", "question", "answer")
NO_LIMIT = 1 << 30


@dataclass(frozen=True)
class ScriptedPolicy:
    """Samples and verdicts derived from (seed, path, child)."""

    seed: int
    terminal_share: float
    correct_share: float
    tie_share: float = 0.3
    empty_share: float = 0.1
    nan_share: float = 0.0

    def sample(self, prefix: tuple[int, ...], child: int) -> Sample:
        rng = random.Random(derive_seed(self.seed, prefix, child))
        length = 0 if rng.random() < self.empty_share else rng.randint(1, 5)
        logprob = -0.5 if rng.random() < self.tie_share else -rng.random() * 3
        if rng.random() < self.nan_share:
            logprob = float("nan")
        # the token names the child, so that every path has its own prefix
        tokens = tuple(1000 + child for _ in range(length))
        stop = "eos" if rng.random() < self.terminal_share else "length"
        return Sample(tokens, (logprob,) * length, stop, 0)

    def correct(self, response: list[int]) -> bool:
        return random.Random(derive_seed(self.seed, "verdict", tuple(response))).random() < self.correct_share


def make_search(spec: SearchSpec, seed: int = 0) -> TreeSearch:
    return TreeSearch(PROBLEM, (1, 2), spec, SamplingSpec(), NO_LIMIT, seed)


def advance(search: TreeSearch, policy: ScriptedPolicy) -> bool:
    """One expansion; False when the tree is finished."""
    request = search.next_request()
    if request is None:
        return False
    terminals = search.apply([policy.sample(request.prefix, i) for i in range(request.n)])
    if terminals:
        search.judge([verdict(policy, search, node) for node in terminals])
    return True


def verdict(policy: ScriptedPolicy, search: TreeSearch, node: int) -> Verdict:
    return Verdict(policy.correct(search.response(node)), None, "script")


def run(search: TreeSearch, policy: ScriptedPolicy) -> TreeSearch:
    while advance(search, policy):
        pass
    return search
