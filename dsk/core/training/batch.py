"""From groups of trajectories to training rows: the only place where scores become per-token advantages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from dsk.core.errors import DataError
from dsk.core.sampling.search_tree import ROOT
from dsk.core.spec import OverlongSpec, SoftClipSpec, TrainSpec
from dsk.core.training.adjusting import adjust
from dsk.core.training.group_tree import GroupTree
from dsk.core.training.rows import TrainingRow
from dsk.core.training.shared_tokens import token_weights
from dsk.core.types import Group, Trajectory


def prepare(
    groups: Sequence[Group],
    train: TrainSpec,
    soft_clip: SoftClipSpec,
    overlong: OverlongSpec,
    max_response_tokens: int,
) -> list[TrainingRow]:
    """The mini-batch's rows, group by group, weighted as `train.weight` says and after `train.adjustments`.

    A response without trained tokens has no row, but its reward still counts in its group's mean. Raises DataError for
    a trajectory whose log-probabilities or node lengths do not match its tokens.
    """
    rows: list[TrainingRow] = []
    trained: list[Trajectory] = []
    for index, group in enumerate(groups):
        shaped = shape_scores(group, soft_clip, overlong, max_response_tokens)
        credit = train.advantage.values(shaped)
        for number, trajectory in enumerate(shaped.trajectories):
            _check(shaped, number, trajectory)
        kept = [(t, path) for t, path in zip(shaped.trajectories, credit, strict=True) if t.trained.any()]
        rows += _group_rows(index, shaped, kept, train.weight)
        trained += [t for t, _ in kept]
    return adjust(rows, trained, train.adjustments)


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


def _group_rows(
    index: int, group: Group, kept: Sequence[tuple[Trajectory, Sequence[float]]], weight: str
) -> list[TrainingRow]:
    """A row for each trajectory and its nodes' credit [D]."""
    rows: list[TrainingRow] = []
    prompt = np.asarray(group.prompt_tokens, np.int32)
    weights = token_weights([t for t, _ in kept], weight)
    for (trajectory, credit_D), weights_T in zip(kept, weights, strict=True):
        advantages = np.zeros(len(trajectory.tokens))
        advantages[trajectory.given :] = np.repeat(np.asarray(credit_D, np.float64), trajectory.node_lengths)
        texts = (prompt, trajectory.tokens, advantages, trajectory.logprobs, trajectory.trained)
        rows.append(TrainingRow(index, *texts, weights_T, steps=_steps(trajectory)))
    return rows


def _steps(trajectory: Trajectory) -> tuple[tuple[int, int], ...]:
    """Each node with the index of its last token; a step without tokens has none."""
    lasts = (trajectory.given + np.cumsum(trajectory.node_lengths) - 1).tolist()
    every = zip(trajectory.node_ids, lasts, trajectory.node_lengths, strict=True)
    return tuple((node, last) for node, last, length in every if length)


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
