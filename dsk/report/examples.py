"""What search found: for a few problems, one right and one wrong answer, step by step with each node's value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsk.core.run.stored_groups import group_files, read_groups
from dsk.core.types import Group, Trajectory

SHOWN = 4


@dataclass(frozen=True)
class Step:
    """One node on a path: its text, its backed-up q, and the mean reward of the verified terminals below it."""

    text: str
    value: float
    mean_reward: float


@dataclass(frozen=True)
class Answer:
    """A trajectory with its verdict."""

    correct: bool
    answer: str
    origin: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Example:
    """A problem, the step it was trained in, and up to two of its trajectories."""

    problem: str
    reference: str
    step: int
    answers: tuple[Answer, ...]


def find_examples(folder: Path, decode: Callable[[np.ndarray], str]) -> list[Example]:
    """Problems of the last step that has both a right and a wrong answer in one group; else of the last step."""
    found: list[Example] = []
    for file in reversed(group_files(folder)):
        step = int(file.name.split(".")[0]) + 1
        groups = sorted(read_groups(file), key=_interest, reverse=True)
        shown = [_example(group, step, decode) for group in groups[:SHOWN] if group.trajectories]
        if shown and len({a.correct for a in shown[0].answers}) == 2:
            return shown
        found = found or shown
    return found


def _interest(group: Group) -> tuple[int, bool]:
    """Right and wrong answers together come first, and of those the trees."""
    return len({t.correct for t in group.trajectories}), group.origin == "search"


def _example(group: Group, step: int, decode: Callable[[np.ndarray], str]) -> Example:
    right = next((t for t in group.trajectories if t.correct), None)
    wrong = next((t for t in group.trajectories if not t.correct), None)
    answers = tuple(_answer(t, decode) for t in (right, wrong) if t is not None)
    prompt = group.problem.prompt
    text = prompt if isinstance(prompt, str) else "\n".join(message["content"] for message in prompt)
    return Example(text, group.problem.answer, step, answers)


def _answer(trajectory: Trajectory, decode: Callable[[np.ndarray], str]) -> Answer:
    ends = (np.cumsum(trajectory.node_lengths) + trajectory.given).tolist()
    spans = zip([trajectory.given, *ends[:-1]], ends, strict=True)
    texts = [decode(trajectory.tokens[start:end]) for start, end in spans]
    figures = zip(texts, trajectory.values, trajectory.mean_rewards[1:], strict=True)
    steps = tuple(Step(*figure) for figure in figures)
    return Answer(trajectory.correct, trajectory.answer or "none", trajectory.origin, steps)
