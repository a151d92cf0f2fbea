"""From groups of trajectories to training rows: the only place where scores become per-token advantages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.errors import DataError
from dsk.core.sampling.search_tree import ROOT
from dsk.core.spec import OverlongSpec, SoftClipSpec, TrainSpec
from dsk.core.training.group_tree import GroupTree
from dsk.core.types import Group, Trajectory

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, eq=False)
class TrainingRow:
    """One trajectory, ready to train.

    `prompt` and `response` [T] are token ids (int32); `advantages` [T] and `old_logprobs` [T] (natural logarithms under
    the sampling policy, float64) belong to the response, and so does `trained` [T], false where a token is only
    attended to. `group` is the index of the row's group in the mini-batch; `silent` where no row of that group has an
    advantage, so that only a KL or entropy term can act on it.
    """

    group: int
    prompt: Int[np.ndarray, " Q"]
    response: Int[np.ndarray, " T"]
    advantages: Float[np.ndarray, " T"]
    old_logprobs: Float[np.ndarray, " T"]
    trained: Bool[np.ndarray, " T"]
    silent: bool = False

    @cached_property
    def tokens(self) -> Int[np.ndarray, " S"]:
        """Prompt and response, end to end."""
        return np.concatenate([self.prompt, self.response])

    @cached_property
    def key(self) -> bytes:
        """Orders rows as their tokens do, and is equal where they are."""
        return self.tokens.astype(">i4").tobytes()

    @cached_property
    def trained_tokens(self) -> int:
        """How many tokens of the response are trained."""
        return int(self.trained.sum())


def prepare(
    groups: Sequence[Group],
    train: TrainSpec,
    soft_clip: SoftClipSpec,
    overlong: OverlongSpec,
    max_response_tokens: int,
) -> list[TrainingRow]:
    """The mini-batch's rows, group by group; those of groups whose advantages are all zero are `silent`.

    An empty response has no row, but its reward still counts in its group's mean. Raises DataError for a
    trajectory whose log-probabilities or node lengths do not match its tokens.
    """
    rows: list[TrainingRow] = []
    for index, group in enumerate(groups):
        shaped = shape_scores(group, soft_clip, overlong, max_response_tokens)
        rows += _group_rows(index, shaped, train.advantage.values(shaped))
    return rows


def shape_scores(group: Group, soft_clip: SoftClipSpec, overlong: OverlongSpec, max_response_tokens: int) -> Group:
    """The group with soft-clipped node values and the overlong penalty in every score (DeepSearch section 5).

    The penalty acts on the values and rewards of trajectories, on the rewards of all terminals, probes included, and so
    on the mean rewards of nodes: no advantage escapes it.
    """

    def penalty(length: int) -> float:
        return overlong_penalty(length, overlong, max_response_tokens)

    ends = tuple(replace(end, reward=end.reward + penalty(end.length)) for end in group.verified)
    group = replace(group, terminals=ends)
    means = GroupTree.of(group).leaf_means()

    def shape(trajectory: Trajectory) -> Trajectory:
        extra = penalty(len(trajectory.tokens))
        clipped = [soft_clip.q_max * math.tanh(q / soft_clip.epsilon) for q in trajectory.values[:-1]]
        values = tuple(q + extra for q in chain(clipped, trajectory.values[-1:]))
        mean_rewards = tuple(means[node] for node in (ROOT, *trajectory.node_ids))
        return replace(trajectory, values=values, reward=trajectory.reward + extra, mean_rewards=mean_rewards)

    return replace(group, trajectories=tuple(shape(t) for t in group.trajectories))


def overlong_penalty(length: int, overlong: OverlongSpec, max_response_tokens: int) -> float:
    """`min(-(length - (max - buffer)) / buffer * factor, 0)`, in reward units (DAPO eq. 13); 0 without a buffer."""
    if overlong.buffer == 0:
        return 0.0
    over = length - (max_response_tokens - overlong.buffer)
    return min(-over / overlong.buffer * overlong.factor, 0.0)


def _group_rows(index: int, group: Group, credit_G_D: Sequence[Sequence[float]]) -> list[TrainingRow]:
    rows: list[TrainingRow] = []
    silent = not any(value for path in credit_G_D for value in path)
    prompt = np.asarray(group.prompt_tokens, np.int32)
    for number, (trajectory, credit_D) in enumerate(zip(group.trajectories, credit_G_D, strict=True)):
        _check(group, number, trajectory)
        if trajectory.trained.any():
            advantages = np.zeros(len(trajectory.tokens))
            advantages[trajectory.given :] = np.repeat(np.asarray(credit_D, np.float64), trajectory.node_lengths)
            texts = (prompt, trajectory.tokens, advantages, trajectory.logprobs, trajectory.trained)
            rows.append(TrainingRow(index, *texts, silent))
    return rows


def _check(group: Group, number: int, trajectory: Trajectory) -> None:
    where = f"problem '{group.problem.id}', trajectory {number}"
    if len(trajectory.logprobs) != len(trajectory.tokens):
        raise DataError(
            f"{where}: {len(trajectory.logprobs)} log-probabilities for {len(trajectory.tokens)} tokens;"
            " the engine must return one for each sampled token"
        )
    if trajectory.given < 0 or trajectory.trained[: trajectory.given].any():
        raise DataError(
            f"{where}: node_lengths sum to {trajectory.node_lengths.sum()} of {len(trajectory.tokens)} tokens; what"
            " they leave at the beginning was given, and cannot be trained"
        )
    if not group.prompt_tokens:
        raise DataError(f"{where}: the prompt is empty; the first response token would have nothing to follow")
