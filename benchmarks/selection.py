"""What search costs besides the model: choosing a node, backing a reward up, and the share of a search's time.

Part of `python benchmarks/rollout.py`. Trees of 10^5 and 10^6 nodes are grown by walks to the deepest level (64) from
random open nodes; then a node is chosen by the default selector and a trajectory recorded, again and again.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import Figure, figure
from tree_work import untaught

ROOT = Path(__file__).resolve().parents[1]
WIDTH, DEPTH = 8, 64
SIZES = {100_000: "<= 100", 1_000_000: "<= 1000"}


def grown_search(nodes: int) -> Any:
    """A search whose tree has at least `nodes` nodes."""
    from dsk.components.rollouts.jobs.tree_search import TreeSearch
    from dsk.components.rollouts.tree import Tree
    from dsk.core.roles import Known
    from dsk.core.types import Problem, Sample

    spec = Tree(width=WIDTH, max_depth=DEPTH, step_tokens=1, trajectories=1 << 30)
    search = TreeSearch(Problem("p", "", ""), Known((1,)), spec, 0, untaught(1 << 30))
    draw, tree = random.Random(0), search.tree
    rng, node = np.random.default_rng(0), 0
    while tree.size < nodes:
        samples = [Sample((1,), (-draw.random(),), "length", 0) for _ in range(WIDTH)]
        children = tree.expand(node, samples, 1 << 30)
        search.frontier.add_children(node, children, rng)
        node = draw.choice(children)
        while tree.terminal[node] or tree.expanded[node]:
            node = draw.randrange(tree.size)
    return search


def selection_figures() -> list[Figure]:
    """Microseconds of a choice and of a backup, by tree size and by depth."""
    return [row for size, target in SIZES.items() for row in costs(grown_search(size), target)]


def costs(search: Any, target: str) -> Iterator[Figure]:
    """The figures of one tree."""
    from dsk.components.rollouts.jobs.tree_search import Recorded

    tree, draw, rng = search.tree, random.Random(1), np.random.default_rng(1)
    for depth in (8, 16, 32, 64):
        nodes = (tree.depth == depth).nonzero()[0].tolist()
        right = [draw.random() < 0.1 for _ in range(200)]
        some = [Recorded(draw.choice(nodes), 2.0 * won - 1.0, 0.0, None, won) for won in right]
        cost = median_cost(search._record, some)
        yield figure(f"backup, depth {depth}, {tree.size} nodes", cost, "us")
    cost = median_cost(lambda _: search.frontier.select(rng), range(2000))
    yield figure(f"selection, {tree.size} nodes", cost, "us", target)


def median_cost(action: Callable[[Any], Any], arguments: Sequence[Any]) -> float:
    """Microseconds."""
    costs = []
    for argument in arguments:
        started = time.perf_counter()
        action(argument)
        costs.append(time.perf_counter() - started)
    return statistics.median(costs) * 1e6


class Timed:
    """Anything, with the seconds spent in its methods."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.seconds = inner, 0.0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.inner, name)

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def outside_figures(model: str) -> list[Figure]:
    """Eight searches by SmolLM2 as in examples/smollm2.json, 8 expansions each: where their time goes.

    Nothing for other models.
    """
    if model != "smollm2":
        return []
    from dsk.core.loading import load_spec
    from dsk.core.model.policy import load_policy
    from dsk.core.roles import Known, Setting
    from dsk.core.sampling.questions import Answerers
    from dsk.core.sampling.scheduler import Scheduler

    spec = load_spec(ROOT / "examples" / "smollm2.json", ["rollout.max_expansions=8"])
    policy = load_policy(spec.model)
    with spec.verifier.open() as judging, spec.engine.open(policy) as sampling:
        engine, verifier = Timed(sampling), Timed(judging)
        setting = Setting(spec.sampling, spec.max_response_tokens, spec.rewards.of, policy.pieces)
        jobs = [
            spec.rollout.start(p, Known(policy.prompt_tokens(p, spec.prompt)), i, setting)
            for i, p in enumerate(islice(spec.task.problems("train"), 8))
        ]
        started = time.perf_counter()
        Scheduler(engine, Answerers(verifier, policy.decode), spec.tokens_in_flight).run(jobs)
        seconds, stats = time.perf_counter() - started, sampling.stats()
    return [
        figure("outside the engine, share of a search", 1 - engine.seconds / seconds, "ratio", "<= 0.01"),
        figure("the verifier beside decoding, share of a search", verifier.seconds / seconds, "ratio"),
        figure("outside the model, share of a search", 1 - stats.model_seconds / seconds, "ratio"),
    ]
