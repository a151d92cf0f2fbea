"""Whole responses without a tree: screening, evaluation, the GRPO baseline, and groups topped up from the cache."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dsk.core.spec import SamplingSpec
from dsk.core.types import Group, Origin, Problem, Sample, SampleRequest, StopReason, Trajectory, Verdict, mean_reward


class DirectRollouts:
    """`n` independent responses to one problem; the same protocol as `TreeSearch`.

    `cached` trajectories join the group unsampled (DeepSearch eq. 10); `n` may then be 0.
    """

    def __init__(
        self,
        problem: Problem,
        prompt: tuple[int, ...],
        n: int,
        sampling: SamplingSpec,
        max_response: int,
        seed: int,
        cached: Sequence[Trajectory] = (),
    ) -> None:
        self.problem, self.prompt, self.n = problem, prompt, n
        self.sampling, self.max_response, self.seed, self.cached = sampling, max_response, seed, tuple(cached)
        self.dropped_samples = 0
        self.verdicts: list[Verdict] = []
        self._samples: list[Sample] | None = None if n else []

    def next_request(self) -> SampleRequest | None:
        """The one request, until its samples are here."""
        if self._samples is not None:
            return None
        return SampleRequest(
            id=f"{self.problem.id}#{self.seed}",
            prefix=self.prompt,
            n=self.n,
            max_tokens=self.max_response,
            seed=self.seed,
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            top_k=self.sampling.top_k,
        )

    def apply(self, samples: Sequence[Sample]) -> list[int]:
        """Take the samples; each awaits a verdict. Non-finite ones are dropped and counted."""
        self._samples = [s for s in samples if all(map(math.isfinite, s.logprobs))]
        self.dropped_samples = len(samples) - len(self._samples)
        return list(range(len(self._samples)))

    def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Take one verdict per sample."""
        self.verdicts = list(verdicts)

    def response(self, index: int) -> list[int]:
        """Tokens of one sample."""
        return list((self._samples or [])[index].tokens)

    def group(self) -> Group:
        """Cached solutions first, then the samples."""
        samples = zip(self._samples or [], self.verdicts, strict=True)
        fresh = tuple(self._trajectory(sample, verdict) for sample, verdict in samples)
        together = (*self.cached, *fresh)
        mean = mean_reward([t.reward for t in together])
        together = tuple(
            replace(t, node_ids=(node,), mean_rewards=(mean, t.reward)) for node, t in enumerate(together, start=1)
        )
        origin: Origin = "cached" if self.cached else "direct"
        stats = {
            "tokens": float(sum(len(t.tokens) for t in fresh)),
            "solved_share": sum(v.correct for v in self.verdicts) / max(len(self.verdicts), 1),
            "truncated": float(sum(t.stop == "length" for t in fresh)),
            "dropped_samples": float(self.dropped_samples),
        }
        return Group(self.problem, self.prompt, together, origin, stats)

    def _trajectory(self, sample: Sample, verdict: Verdict) -> Trajectory:
        return whole_response(
            sample.tokens, sample.logprobs, verdict.correct, sample.stop, sample.version, "direct", verdict.answer
        )


def whole_response(
    tokens: tuple[int, ...],
    logprobs: tuple[float, ...],
    correct: bool,
    stop: StopReason,
    version: int,
    origin: Origin,
    answer: str | None,
) -> Trajectory:
    """A response as a trajectory of one node."""
    reward = 1.0 if correct else -1.0
    return Trajectory(
        tokens=tokens,
        logprobs=logprobs,
        node_lengths=(len(tokens),),
        node_ids=(1,),
        values=(reward,),
        mean_rewards=(reward, reward),
        reward=reward,
        entropy=-sum(logprobs) / len(logprobs) if logprobs else 0.0,
        stop=stop,
        version=version,
        origin=origin,
        answer=answer,
    )
