"""One tree as a pure state machine (ALGORITHM.md sections 2 to 4): no engine, no model, no clock.

request = search.next_request()      # what to sample, or None when the tree is finished
terminals = search.apply(samples)    # nodes whose responses await a verdict
search.judge(verdicts)               # one verdict per terminal, in order
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsk.core.sampling.open_nodes import OpenNodes
from dsk.core.sampling.search_tree import ROOT, SearchTree
from dsk.core.sampling.uct import uct
from dsk.core.seeding import derive_seed
from dsk.core.spec import SamplingSpec, SearchSpec
from dsk.core.types import Group, Problem, Sample, SampleRequest, Terminal, Trajectory, Verdict


@dataclass(frozen=True)
class Recorded:
    """A backed-up terminal: its node, reward (+1 or -1), trajectory entropy and extracted answer."""

    node: int
    reward: float
    entropy: float
    answer: str | None


class TreeSearch:
    """DeepSearch on one problem. Everything random derives from `seed` and the node's path."""

    def __init__(
        self,
        problem: Problem,
        prompt: tuple[int, ...],
        search: SearchSpec,
        sampling: SamplingSpec,
        max_response: int,
        seed: int,
    ) -> None:
        self.problem, self.prompt, self.spec, self.sampling = problem, prompt, search, sampling
        self.max_response, self.seed = max_response, seed
        self.tree = SearchTree(search.max_depth)
        self.open = OpenNodes(self.tree, search.selector)
        self.recorded: list[Recorded] = []
        self.verified: list[tuple[int, float]] = []
        self.expansion_order: list[int] = []
        self.dropped_samples = 0
        self.sampled_tokens = 0
        self.tokens_to_first_solution: int | None = None
        self.target: int | None = ROOT
        self._unjudged: list[int] = []

    @property
    def finished(self) -> bool:
        """Whether the tree asks for nothing more."""
        return self.target is None and not self._unjudged

    def next_request(self) -> SampleRequest | None:
        """The expansion to sample now; None when the tree is finished or awaits verdicts."""
        if self.target is None or self._unjudged:
            return None
        tokens, _ = self.tree.response(self.target)
        path = "/".join(map(str, self.tree.indices(self.target)))
        return SampleRequest(
            id=f"{self.problem.id}#{self.seed}:{path}",
            prefix=(*self.prompt, *tokens),
            n=self.spec.width,
            max_tokens=min(self.spec.step_tokens, self.max_response - len(tokens)),
            seed=derive_seed(self.seed, path),
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            top_k=self.sampling.top_k,
            stop_strings=self.spec.boundary.stop_strings,
        )

    def apply(self, samples: Sequence[Sample]) -> list[int]:
        """Take the expansion's samples; the new terminals, if any, await `judge`.

        Samples with a non-finite log-probability are dropped and counted.
        """
        node = self.target
        if node is None or self._unjudged:
            raise ValueError("apply without an outstanding request")
        finite = [s for s in samples if all(map(math.isfinite, s.logprobs))]
        self.dropped_samples += len(samples) - len(finite)
        self.sampled_tokens += sum(len(sample.tokens) for sample in samples)
        kept = [self._step(sample, node) for sample in finite]
        children = self.tree.expand(node, kept, self.max_response)
        self.expansion_order.append(node)
        self.open.add_children(node, children, self._rng("select"))
        self._unjudged = [child for child in children if self.tree.terminal[child]]
        if not self._unjudged:
            self._move_on(children)
        return list(self._unjudged)

    def _step(self, sample: Sample, parent: int) -> Sample:
        """The sample up to its step's boundary; whole where it ends the response, also at one of the two limits."""
        if sample.stop == "stop":
            return replace(sample, stop="length")  # at one of the boundary's texts: the response goes on
        room = self.max_response - self.tree.response_length(parent)
        last = int(self.tree.depth[parent]) + 1 == self.spec.max_depth
        if sample.stop == "eos" or last or not 0 < len(sample.tokens) < room:
            return sample
        end = self.spec.boundary.cut(np.asarray(sample.logprobs))
        return replace(sample, tokens=sample.tokens[:end], logprobs=sample.logprobs[:end])

    def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Back up and record what the verdicts on the new terminals call for, then select globally."""
        judged = list(zip(self._unjudged, verdicts, strict=True))
        self._unjudged = []
        for node, verdict in judged:
            reward = 1.0 if verdict.correct else -1.0
            self.tree.record_reward(node, reward)
            self.verified.append((node, reward))
        if self.tokens_to_first_solution is None and any(v.correct for _, v in judged):
            self.tokens_to_first_solution = self.sampled_tokens
        for node, verdict in judged if self.spec.record == "all" else [self._choose(judged)]:
            self._record(node, verdict)
        self._move_on(range(0))

    def _choose(self, judged: list[tuple[int, Verdict]]) -> tuple[int, Verdict]:
        """Eq. 2: the most confident correct terminal, or else the negative that the spec's rule picks."""
        correct = [item for item in judged if item[1].correct]
        candidates = correct or judged
        entropies = np.asarray([self.trajectory_entropy(node) for node, _ in candidates])
        if correct:
            return candidates[int(np.argmin(entropies))]
        return candidates[self.spec.negative.choose(entropies, self._rng("negative"))]

    def _record(self, node: int, verdict: Verdict) -> None:
        reward = 1.0 if verdict.correct else -1.0
        path = self.tree.path(node)
        steps = np.arange(1, len(path) + 1)
        decay = np.maximum(steps / len(path), self.spec.gamma_min)
        values, visits = self.tree.value, self.tree.visits
        values[path] = self.spec.backup.update(values[path], visits[path], reward, decay)
        visits[path] += 1
        self.open.values_changed(path, self._rng("select"))
        self.recorded.append(Recorded(node, reward, self.trajectory_entropy(node), verdict.answer))

    def _move_on(self, siblings: range) -> None:
        """Choose the next node: the best sibling by UCT, or else one from the whole tree; or finish."""
        budget = self.spec.max_expansions
        spent = bool(budget) and len(self.expansion_order) >= budget
        if spent or len(self.recorded) >= self.spec.trajectories or not self.open:
            self.target = None
        elif siblings:
            nodes = np.asarray(siblings)
            self.target = int(nodes[np.argmax(uct(self.tree, nodes, self.spec.exploration))])
        else:
            self.target = self.open.select(self._rng("select"))

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.seed, purpose, len(self.expansion_order)))

    def trajectory_entropy(self, node: int) -> float:
        """The mean of -log p over the response's tokens, or over its steps where the spec says so."""
        if self.spec.trajectory_entropy == "steps":
            return float(self.tree.entropy[self.tree.path(node)[1:]].mean())
        _, logprobs = self.tree.response(node)
        return -sum(logprobs) / len(logprobs) if logprobs else 0.0

    def response(self, node: int) -> list[int]:
        """The response tokens that end at `node`."""
        return self.tree.response(node)[0]

    def group(self) -> Group:
        """The recorded trajectories with the finished tree's values, and the tree's figures."""
        trajectories = tuple(self._trajectory(item) for item in self.recorded)
        return Group(self.problem, self.prompt, trajectories, "search", self._stats(), self._terminals())

    def _terminals(self) -> tuple[Terminal, ...]:
        return tuple(
            Terminal(tuple(self.tree.path(node)[1:]), reward, self.tree.response_length(node))
            for node, reward in self.verified
        )

    def _trajectory(self, item: Recorded) -> Trajectory:
        path = self.tree.path(item.node)
        tokens, logprobs = self.tree.response(item.node)
        return Trajectory(
            tokens=tuple(tokens),
            logprobs=tuple(logprobs),
            node_lengths=tuple(len(self.tree.step_tokens(node)) for node in path[1:]),
            node_ids=tuple(path[1:]),
            values=tuple(self.tree.value[path[1:]].tolist()),
            mean_rewards=tuple(self.tree.mean_reward[path].tolist()),
            reward=item.reward,
            entropy=item.entropy,
            stop=self.tree.stops[item.node],
            version=int(self.tree.version[path[1:]].min()),
            origin="search",
            answer=item.answer,
            path=self.tree.indices(item.node),
        )

    def _stats(self) -> dict[str, float]:
        """The tree's figures; `tokens_to_first_solution` is left out where there is none."""
        rewards = [item.reward for item in self.recorded]
        depths = [int(self.tree.depth[item.node]) for item in self.recorded]
        first = self.tokens_to_first_solution
        return {
            "expansions": len(self.expansion_order),
            "nodes": self.tree.size,
            "tokens": self.sampled_tokens,
            "depth": float(np.mean(depths)) if depths else 0.0,
            "entropy": float(np.mean([item.entropy for item in self.recorded])) if self.recorded else 0.0,
            "reward": float(np.mean(rewards)) if rewards else 0.0,
            "dropped_samples": self.dropped_samples,
            **({} if first is None else {"tokens_to_first_solution": first}),
        }
