"""Whole responses without a tree: screening, evaluation, the GRPO baseline, and groups topped up from the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dsk.core.roles.rollout import Known, Setting, Tokens
from dsk.core.types import (
    Group,
    Origin,
    Problem,
    Question,
    Sample,
    SampleRequest,
    Trajectory,
    Verdict,
    mean_reward,
)


def is_finite(sample: Sample) -> bool:
    """Whether every log-probability is a number; a sample without is dropped and counted."""
    return bool(np.isfinite(sample.logprobs).all())


class Responses:
    """`n` independent responses to one problem, in one request.

    `ready` trajectories join the group unsampled, before the responses (DeepSearch eq. 10); `n` may then be 0.
    """

    open = False

    def __init__(
        self, problem: Problem, known: Known, n: int, seed: int, setting: Setting, ready: Sequence[Trajectory] = ()
    ) -> None:
        self.problem, self.known, self.n, self.seed, self.setting = problem, known, n, seed, setting
        self.ready = tuple(ready)
        self.dropped_samples = self.sampled_tokens = 0
        self._asked = n == 0
        self._samples: list[Sample] = []
        self._verdicts: dict[int, Verdict] = {}

    @property
    def given(self) -> Sequence[Tokens]:
        """The prompt and the given prefix, if anything is sampled."""
        return [self.known.prompt + self.known.given] if self.n else []

    def requests(self) -> list[SampleRequest]:
        """The one request."""
        if self._asked:
            return []
        self._asked = True
        name, room = f"{self.problem.id}#{self.seed}", self.setting.max_response_tokens - len(self.known.given)
        return [self.setting.request(name, self.known.prompt + self.known.given, self.n, room, self.seed)]

    def deliver(self, request_id: str, samples: Sequence[Sample]) -> list[Question]:
        """Take the samples; each awaits a verdict."""
        self._samples = [sample for sample in samples if is_finite(sample)]
        self.dropped_samples = len(samples) - len(self._samples)
        self.sampled_tokens = sum(len(sample.tokens) for sample in samples)
        return [Question(i, self.known.given + sample.tokens) for i, sample in enumerate(self._samples)]

    def answer(self, question: int, answer: Verdict | float) -> None:
        """Take the verdict on a sample."""
        assert isinstance(answer, Verdict)
        self._verdicts[question] = answer

    def group(self) -> Group:
        """What was ready first, then the samples."""
        fresh = [self._trajectory(i, sample) for i, sample in enumerate(self._samples)]
        stats = {
            "tokens": float(self.sampled_tokens),
            "solved_share": sum(t.correct for t in fresh) / max(len(fresh), 1),
            "truncated": float(sum(t.stop == "length" for t in fresh)),
            "dropped_samples": float(self.dropped_samples),
        }
        origin: Origin = "cached" if any(t.origin == "cached" for t in self.ready) else "direct"
        return Group(self.problem, self.known.prompt, numbered([*self.ready, *fresh]), origin, stats)

    def _trajectory(self, index: int, sample: Sample) -> Trajectory:
        verdict = self._verdicts[index]
        reward = self.setting.reward(verdict)
        return whole_response(sample, verdict, reward, "direct", self.known.given)


def numbered(trajectories: Sequence[Trajectory]) -> tuple[Trajectory, ...]:
    """Whole responses as the children of one root: node 1, 2, ..., and the root's mean reward."""
    mean = mean_reward([t.reward for t in trajectories])
    return tuple(
        replace(t, node_ids=(node,), mean_rewards=(mean, t.reward)) for node, t in enumerate(trajectories, start=1)
    )


def whole_response(sample: Sample, verdict: Verdict, reward: float, origin: Origin, given: Tokens = ()) -> Trajectory:
    """A response as a trajectory of one node, after what was given."""
    logprobs = np.asarray(sample.logprobs, np.float64)
    return Trajectory(
        tokens=np.asarray(given + sample.tokens, np.int32),
        logprobs=np.concatenate([np.zeros(len(given)), logprobs]),
        node_lengths=np.asarray([len(sample.tokens)]),
        node_ids=(1,),
        values=(reward,),
        mean_rewards=(reward, reward),
        reward=reward,
        entropy=float(-logprobs.mean()) if len(logprobs) else 0.0,
        stop=sample.stop,
        version=sample.version,
        origin=origin,
        answer=verdict.answer,
        correct=verdict.correct,
    )
