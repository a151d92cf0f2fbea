"""One tree as a pure state machine (DeepSearch sections 2 to 4): an expansion at a time, verdicts on its terminals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.roles import Known, Setting
from dsk.core.roles.rollout import Tokens
from dsk.core.sampling.kept_tree import kept_tree
from dsk.core.sampling.open_nodes import Choice, OpenNodes
from dsk.core.sampling.responses import is_finite
from dsk.core.sampling.search_tree import ROOT, SearchTree
from dsk.core.sampling.uct import uct
from dsk.core.seeding import derive_seed
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group, Problem, Question, Sample, SampleRequest, Terminal, Trajectory, Verdict

if TYPE_CHECKING:
    from dsk.components.rollouts.tree import Tree


@dataclass(frozen=True)
class Recorded:
    """A backed-up terminal: its node, reward, trajectory entropy, extracted answer and verdict."""

    node: int
    reward: float
    entropy: float
    answer: str | None
    correct: bool


class TreeSearch:
    """DeepSearch on one problem. Everything random derives from `seed` and the node's path."""

    def __init__(self, problem: Problem, known: Known, spec: Tree, seed: int, setting: Setting) -> None:
        self.problem, self.known, self.spec, self.seed, self.setting = problem, known, spec, seed, setting
        self.tree = SearchTree(spec.max_depth, known.given, setting.pieces)
        self.frontier = OpenNodes(self.tree, spec.selector)
        self.recorded: list[Recorded] = []
        self.verified: list[Recorded] = []
        self.choices: list[Choice] = []
        self.dropped_samples = 0
        self.sampled_tokens = 0
        self.tokens_to_first_solution: int | None = None
        self._choice: Choice | None = Choice(ROOT, np.nan, 1)
        self._asked = False
        self._children = range(0)
        self._unanswered: set[int] = set()
        self._verdicts: dict[int, Verdict] = {}

    @property
    def given(self) -> Sequence[Tokens]:
        """The prompt and the given prefix."""
        return [self.known.prompt + self.known.given]

    @property
    def expansion_order(self) -> list[int]:
        """The expanded nodes, in order."""
        return [choice.node for choice in self.choices]

    @property
    def target(self) -> int | None:
        """The node to expand next; None when the tree is finished."""
        return None if self._choice is None else self._choice.node

    @property
    def open(self) -> bool:
        """Whether the tree may grow after the answers that are out."""
        return not self._is_last()

    def _is_last(self) -> bool:
        """Whether nothing is left to sample, whatever the answers that are out say."""
        budget, new = self.spec.max_expansions, len(self._unjudged())
        coming = new if self.spec.record == "all" else min(new, 1)
        spent = bool(budget) and len(self.choices) >= budget
        return spent or len(self.recorded) + coming >= self.spec.trajectories or not self.frontier

    def requests(self) -> list[SampleRequest]:
        """The expansion to sample now; none when the tree is finished or awaits samples or answers."""
        if self.target is None or self._asked or self._unanswered:
            return []
        self._asked = True
        tokens, _ = self.tree.response(self.target)
        path = "/".join(map(str, self.tree.indices(self.target)))
        return [
            self.setting.request(
                f"{self.problem.id}#{self.seed}:{path}",
                self.known.prompt + tuple(tokens.tolist()),
                self.spec.width,
                min(self.spec.step_tokens, self.setting.max_response_tokens - len(tokens)),
                derive_seed(self.seed, path),
                self.spec.boundary.stop_strings,
            )
        ]

    def deliver(self, request_id: str, samples: Sequence[Sample]) -> list[Question]:
        """Take the expansion's samples: new terminals await a verdict, the others a score where somebody gives it.

        Samples with a non-finite log-probability are dropped and counted.
        """
        choice = self._choice
        if choice is None or not self._asked:
            raise ValueError("deliver without an outstanding request")
        self._asked = False
        finite = [sample for sample in samples if is_finite(sample)]
        self.dropped_samples += len(samples) - len(finite)
        self.sampled_tokens += sum(len(sample.tokens) for sample in samples)
        kept = [self._step(sample, choice.node) for sample in finite]
        self._children = self.tree.expand(choice.node, kept, self.setting.max_response_tokens)
        self.choices.append(choice)
        self.frontier.add_children(choice.node, self._children, self._rng("select"))
        questions = [question for child in self._children for question in self._questions(child)]
        self._unanswered = {question.id for question in questions}
        if not questions:
            self._go_on()
        return questions

    def _questions(self, node: int) -> list[Question]:
        tokens = self.tree.response(node)[0].tolist()
        if self.tree.terminal[node]:
            return [Question(node, tokens)]
        path = self.tree.path(node) if self.known.given else self.tree.path(node)[1:]
        steps = tuple(len(self.tree.step_tokens(step)) for step in path)
        return [Question(node, tokens, "score", steps)] if self.setting.scored else []

    def answer(self, question: int, answer: Verdict | float) -> None:
        """A verdict on a terminal or the score of a step; after the expansion's last one the tree goes on."""
        self._unanswered.remove(question)
        if isinstance(answer, Verdict):
            self._verdicts[question] = answer
        else:
            self.tree.score[question] = answer
        if not self._unanswered:
            self._go_on()

    def _unjudged(self) -> list[int]:
        """New terminals whose verdict is not taken in yet, in creation order."""
        return [child for child in self._children if self.tree.terminal[child]]

    def _go_on(self) -> None:
        """Back up and record what the verdicts on the new terminals call for, then choose what to expand."""
        judged = [self._judged(node, self._verdicts[node]) for node in self._unjudged()]
        siblings, self._children = self._children, range(0)
        growing = [n for n in siblings if not self.tree.terminal[n]]
        if self.setting.scored:
            self.frontier.rescore(growing, self._rng("select"))
        self.frontier.prune(growing, self.spec.prune_below)
        for item in judged:
            self.tree.record_reward(item.node, item.reward)
        self.verified += judged
        if self.tokens_to_first_solution is None and any(item.correct for item in judged):
            self.tokens_to_first_solution = self.sampled_tokens
        for item in judged if self.spec.record == "all" or not judged else [self._choose(judged)]:
            self._record(item)
        self._move_on([] if judged else [n for n in siblings if not self.tree.pruned[n]])

    def _judged(self, node: int, verdict: Verdict) -> Recorded:
        reward = self.setting.reward(verdict)
        return Recorded(node, reward, self.trajectory_entropy(node), verdict.answer, verdict.correct)

    def _step(self, sample: Sample, parent: int) -> Sample:
        """The sample up to its step's boundary; whole where it ends the response, also at one of the two limits."""
        if sample.stop == "stop":
            return replace(sample, stop="length")  # at one of the boundary's texts: the response goes on
        room = self.setting.max_response_tokens - self.tree.response_length(parent)
        last = int(self.tree.depth[parent]) + 1 == self.spec.max_depth
        if sample.stop == "eos" or last or not 0 < len(sample.tokens) < room:
            return sample
        end = self.spec.boundary.cut(np.asarray(sample.logprobs))
        cut = {name: getattr(sample, name)[:end] for name in ("tokens", "logprobs", "values")}
        return replace(sample, **cut)

    def _choose(self, judged: list[Recorded]) -> Recorded:
        """Eq. 2: the most confident correct terminal, or else the negative that the spec's rule picks."""
        correct = [item for item in judged if item.correct]
        candidates = correct or judged
        entropies = np.asarray([item.entropy for item in candidates])
        if correct:
            return candidates[int(np.argmin(entropies))]
        return candidates[self.spec.negative.choose(entropies, self._rng("negative"))]

    def _record(self, item: Recorded) -> None:
        path = self.tree.path(item.node)
        steps = np.arange(1, len(path) + 1)
        decay = np.maximum(steps / len(path), self.spec.gamma_min)
        values, visits = self.tree.value, self.tree.visits
        values[path] = self.spec.backup.update(values[path], visits[path], item.reward, decay)
        visits[path] += 1
        self.frontier.values_changed(path, self._rng("select"))
        self.recorded.append(item)

    def _move_on(self, siblings: Sequence[int]) -> None:
        """Choose the next node: the best sibling by UCT, or else one from the whole tree; or finish."""
        budget = self.spec.max_expansions
        spent = bool(budget) and len(self.choices) >= budget
        if spent or len(self.recorded) >= self.spec.trajectories or not self.frontier:
            self._choice = None
        elif siblings:
            scores = uct(self.tree, np.asarray(siblings), self.spec.exploration)
            best = int(np.argmax(scores))
            self._choice = Choice(siblings[best], float(scores[best]), len(siblings), among_siblings=True)
        else:
            self._choice = self.frontier.choose(self._rng("select"))

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.seed, purpose, len(self.choices)))

    def trajectory_entropy(self, node: int) -> float:
        """The mean of -log p over the response's sampled tokens, or over its steps where the spec says so."""
        if self.spec.trajectory_entropy == "steps":
            return float(self.tree.entropy[self.tree.path(node)[1:]].mean())
        logprobs = self.tree.response(node)[1][len(self.known.given) :]
        return -sum(logprobs.tolist()) / len(logprobs) if len(logprobs) else 0.0

    def group(self) -> Group:
        """The recorded trajectories with the finished tree's values, and the tree's figures."""
        trajectories = tuple(self._trajectory(item) for item in self.recorded)
        group = Group(self.problem, self.known.prompt, trajectories, "search", self._stats(), self._terminals())
        return replace(group, tree=self._kept()) if self.setting.keep_trees else group

    def _kept(self) -> TreeRecord:
        verified = [(item.node, item.reward, item.correct, item.answer) for item in self.verified]
        return kept_tree(self.problem.id, self.tree, self.choices, verified)

    def _terminals(self) -> tuple[Terminal, ...]:
        return tuple(
            Terminal(
                tuple(self.tree.path(item.node)[1:]),
                item.reward,
                self.tree.response_length(item.node),
                correct=item.correct,
            )
            for item in self.verified
        )

    def _trajectory(self, item: Recorded) -> Trajectory:
        path = self.tree.path(item.node)
        tokens, logprobs = self.tree.response(item.node)
        return Trajectory(
            tokens=tokens,
            logprobs=logprobs,
            node_lengths=np.asarray([len(self.tree.step_tokens(node)) for node in path[1:]], np.int32),
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
            correct=item.correct,
        )

    @property
    def _rated(self) -> bool:
        """Whether somebody rates steps: a scorer that is asked, or the policy's value head."""
        return self.setting.scored or not np.isnan(self.tree.score).all()

    def _score_stats(self) -> dict[str, float]:
        """How many steps were rated, on how many the scorer had nothing to say, and the mean of what it said."""
        scores = self.tree.score[1:][~self.tree.terminal[1:]]
        said = scores[~np.isnan(scores)]
        mean = {"score": float(said.mean())} if len(said) else {}
        return {"scored": len(said), "unscored": len(scores) - len(said), **mean}

    def _stats(self) -> dict[str, float]:
        """The tree's figures; `tokens_to_first_solution` is left out where there is none."""
        rewards = [item.reward for item in self.recorded]
        depths = [int(self.tree.depth[item.node]) for item in self.recorded]
        first = self.tokens_to_first_solution
        return {
            "expansions": len(self.choices),
            "nodes": self.tree.size,
            "tokens": self.sampled_tokens,
            "depth": float(np.mean(depths)) if depths else 0.0,
            "entropy": float(np.mean([item.entropy for item in self.recorded])) if self.recorded else 0.0,
            "reward": float(np.mean(rewards)) if rewards else 0.0,
            "dropped_samples": self.dropped_samples,
            **({} if first is None else {"tokens_to_first_solution": first}),
            **(self._score_stats() if self._rated else {}),
            **({"pruned": int(self.tree.pruned.sum())} if self.spec.prune_below else {}),
        }
