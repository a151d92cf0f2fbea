"""From groups of trajectories to training rows: the only place where scores become per-token advantages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat

from dsk.core.errors import DataError
from dsk.core.spec import OverlongSpec, SoftClipSpec, TrainSpec
from dsk.core.types import Group, Trajectory


@dataclass(frozen=True)
class TrainingRow:
    """One trajectory, ready to train.

    `prompt` and `response` [T] are token ids; `advantages` [T] and `old_logprobs` [T] (natural logarithms under the
    sampling policy) belong to the response. `group` is the index of the row's group in the mini-batch.
    """

    group: int
    prompt: tuple[int, ...]
    response: tuple[int, ...]
    advantages: tuple[float, ...]
    old_logprobs: tuple[float, ...]

    @cached_property
    def tokens(self) -> tuple[int, ...]:
        """Prompt and response, end to end."""
        return self.prompt + self.response


def prepare(
    groups: Sequence[Group],
    train: TrainSpec,
    soft_clip: SoftClipSpec,
    overlong: OverlongSpec,
    max_response_tokens: int,
) -> list[TrainingRow]:
    """The mini-batch's rows, group by group; groups whose advantages are all zero have none (no gradient, no forward).

    An empty response has no row, but its reward still counts in its group's mean. Raises DataError for a
    trajectory whose log-probabilities or node lengths do not match its tokens.
    """
    rows: list[TrainingRow] = []
    for index, group in enumerate(groups):
        shaped = shape_scores(group, soft_clip, overlong, max_response_tokens)
        credit_G_D = train.advantage.values(shaped)
        if any(value != 0 for path in credit_G_D for value in path):
            rows += _group_rows(index, shaped, credit_G_D)
    return rows


def shape_scores(group: Group, soft_clip: SoftClipSpec, overlong: OverlongSpec, max_response_tokens: int) -> Group:
    """The group with soft-clipped node values and the overlong penalty in values and rewards (DeepSearch section 5)."""

    def shape(trajectory: Trajectory) -> Trajectory:
        penalty = overlong_penalty(len(trajectory.tokens), overlong, max_response_tokens)
        clipped = [soft_clip.q_max * math.tanh(q / soft_clip.epsilon) for q in trajectory.values[:-1]]
        values = tuple(q + penalty for q in chain(clipped, trajectory.values[-1:]))
        return replace(trajectory, values=values, reward=trajectory.reward + penalty)

    return replace(group, trajectories=tuple(shape(t) for t in group.trajectories))


def overlong_penalty(length: int, overlong: OverlongSpec, max_response_tokens: int) -> float:
    """`min(-(length - (max - buffer)) / buffer * factor, 0)`, in reward units (DAPO eq. 13); 0 without a buffer."""
    if overlong.buffer == 0:
        return 0.0
    over = length - (max_response_tokens - overlong.buffer)
    return min(-over / overlong.buffer * overlong.factor, 0.0)


def _group_rows(index: int, group: Group, credit_G_D: Sequence[Sequence[float]]) -> list[TrainingRow]:
    rows: list[TrainingRow] = []
    for number, (trajectory, credit_D) in enumerate(zip(group.trajectories, credit_G_D, strict=True)):
        _check(group, number, trajectory)
        if trajectory.tokens:
            spread = chain.from_iterable(repeat(a, n) for a, n in zip(credit_D, trajectory.node_lengths, strict=True))
            rows.append(TrainingRow(index, group.prompt_tokens, trajectory.tokens, tuple(spread), trajectory.logprobs))
    return rows


def _check(group: Group, number: int, trajectory: Trajectory) -> None:
    where = f"problem '{group.problem.id}', trajectory {number}"
    if len(trajectory.logprobs) != len(trajectory.tokens):
        raise DataError(
            f"{where}: {len(trajectory.logprobs)} log-probabilities for {len(trajectory.tokens)} tokens;"
            " the engine must return one for each sampled token"
        )
    if sum(trajectory.node_lengths) != len(trajectory.tokens):
        raise DataError(
            f"{where}: node_lengths sum to {sum(trajectory.node_lengths)}, not to its {len(trajectory.tokens)} tokens"
        )
    if not group.prompt_tokens:
        raise DataError(f"{where}: the prompt is empty; the first response token would have nothing to follow")
