"""`arithmetic_steps`: the written results of the task `arithmetic` are checked against its operands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import ClassVar

from dsk.core.roles import Scorer, ScorerSession
from dsk.core.types import Problem

START = re.compile(r"Start at (\d\d), modulo 100\.\n", re.ASCII)
OPERAND = re.compile(r"^\d{1,2}\)([+-]\d\d)$", re.MULTILINE | re.ASCII)
RESULT = re.compile(r"^(?:(\d\d)(?=\n)|(\d{1,2})\)[+-]\d\d(?:=|:\d\d;)(\d\d))", re.MULTILINE | re.ASCII)
"""A line that copies the start, or a numbered operation with its result: `2)-28=57`, `1)-68:17;17`."""


class ArithmeticSteps(Scorer):
    """Outside help, for upper bounds: knows the right result of every line of the task `arithmetic`.

    A step scores 1 where it completes results and all results written so far are right, 0 once any of them is wrong
    (later lines go on from it), and nothing where it completes none and none was wrong. The start that a response
    copies counts as a result; carries and the boxed answer are not looked at. Problems of other tasks get no scores.

    What is gained with it is what a perfect process reward model would gain: show it apart from methods that only know
    the verdict on the answer.
    """

    kind: ClassVar[str] = "arithmetic_steps"

    @contextmanager
    def open(self) -> Iterator[ScorerSession]:
        """Nothing is opened."""
        yield _Checker()


class _Checker:
    def rate(self, items: Sequence[tuple[Problem, tuple[str, ...]]]) -> list[float | None]:
        """One score for each (problem, steps), in order."""
        return [rated(problem, steps) for problem, steps in items]


def rated(problem: Problem, steps: Sequence[str]) -> float | None:
    """The score of the last step; None where there is nothing to say."""
    results = right_results(problem)
    if not results:
        return None
    before, text = len("".join(steps[:-1])), "".join(steps)
    found = list(RESULT.finditer(text))
    if any(not _is_right(line, results) for line in found):
        return 0.0
    return 1.0 if any(_completed(line, before) for line in found) else None


def right_results(problem: Problem) -> list[int]:
    """The start and what is right after each operation; nothing where the prompt is no such chain."""
    prompt = problem.prompt
    start = START.match(prompt) if isinstance(prompt, str) else None
    if start is None or not isinstance(prompt, str):
        return []
    operands = (int(text) for text in OPERAND.findall(prompt))
    return list(accumulate(operands, lambda value, operand: (value + operand) % 100, initial=int(start[1])))


def _is_right(line: re.Match[str], results: Sequence[int]) -> bool:
    number = int(line[2] or 0)
    return number < len(results) and results[number] == int(line[1] or line[3])


def _completed(line: re.Match[str], before: int) -> bool:
    """Whether the result ends after the first `before` characters; a copied start ends with its line."""
    return line.end() + (line[1] is not None) > before
