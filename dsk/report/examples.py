"""What search found: for a few problems, one right and one wrong answer, step by step with each node's value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np

from dsk.core.run.stored import read_packed_rows
from dsk.core.run.stored_groups import group_files, read_groups
from dsk.core.types import Group, Problem, Trajectory
from dsk.report.remembered import remembered

SHOWN = 4
TEXT = 4000
"""Characters of a text that a page holds; a longer one is cut and says so."""


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
        shown = [example_of(group, step, decode) for group in groups[:SHOWN] if group.trajectories]
        if shown and len({a.correct for a in shown[0].answers}) == 2:
            return shown
        found = found or shown
    return found


def _interest(group: Group) -> tuple[int, bool]:
    """Right and wrong answers together come first, and of those the trees."""
    return len({t.correct for t in group.trajectories}), group.origin == "search"


def example_of(group: Group, step: int, decode: Callable[[np.ndarray], str], limit: int = TEXT) -> Example:
    """The group's problem with a right and a wrong answer, where there are; texts are cut at `limit` characters."""
    right = next((t for t in group.trajectories if t.correct), None)
    wrong = next((t for t in group.trajectories if not t.correct), None)
    answers = tuple(_answer(t, decode, limit) for t in (right, wrong) if t is not None)
    asked, reference = (shortened(text, limit) for text in (prompt_text(group.problem), group.problem.answer))
    return Example(asked, reference, step, answers)


def _answer(trajectory: Trajectory, decode: Callable[[np.ndarray], str], limit: int) -> Answer:
    ends = (np.cumsum(trajectory.node_lengths) + trajectory.given).tolist()
    spans = zip([trajectory.given, *ends[:-1]], ends, strict=True)
    texts = [shortened(decode(trajectory.tokens[start:end]), limit) for start, end in spans]
    figures = zip(texts, trajectory.values, trajectory.mean_rewards[1:], strict=True)
    steps = tuple(Step(*figure) for figure in figures)
    return Answer(trajectory.correct, shortened(trajectory.answer or "none", limit), trajectory.origin, steps)


def shortened(text: str, limit: int = TEXT) -> str:
    """The text, cut where it is longer than `limit`, with the number of characters that are gone."""
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit:,} more characters)"


def prompt_text(problem: Problem) -> str:
    """What is asked, messages one below the other."""
    prompt = problem.prompt
    return prompt if isinstance(prompt, str) else "\n".join(message["content"] for message in prompt)


@dataclass(frozen=True)
class _Asked:
    """A row of a step's groups, as far as its problem."""

    problem: Problem


def recent_prompts(folder: Path, most_bytes: int = 8 << 20) -> dict[str, str]:
    """The beginning of what each recently trained problem asks, by id; files are read back to `most_bytes` in all."""
    found: dict[str, str] = {}
    for file in reversed(group_files(folder)):
        most_bytes -= file.stat().st_size
        if most_bytes < 0:
            break
        found |= _prompts(file)
    return found


@remembered
def _prompts(file: Path) -> dict[str, str]:
    rows = read_packed_rows(file, _Asked)
    return {row.problem.id: shortened(prompt_text(row.problem), 300) for row in rows}


@dataclass(frozen=True)
class Filtered:
    """A response that nothing was learnt from, and why."""

    problem: str
    reason: str
    text: str


def filtered_examples(folder: Path, most: int = 6) -> list[Filtered]:
    """Responses that were filtered out in the last step that had any; each reason has its turn."""
    files = sorted(folder.glob("trees/*.filtered.jsonl.zst"))
    by_reason: dict[str, list[Filtered]] = {}
    for row in read_packed_rows(files[-1], Filtered) if files else ():
        by_reason.setdefault(row.reason, []).append(replace(row, text=shortened(row.text)))
    turns = (row for turn in zip_longest(*by_reason.values()) for row in turn if row is not None)
    return list(islice(turns, most))
