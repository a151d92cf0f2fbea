"""The one place where verdicts and scores enter: what is returned is checked before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dsk.core.errors import VerdictError
from dsk.core.roles import ScorerSession, VerifierSession
from dsk.core.types import Problem, Verdict

FORM = (
    "a list with one Verdict(correct: bool, answer: str | None, reason: str, score: 0 to 1) for each response, in their"
    " order"
)
_LONGEST = 80


def judge(verifier: VerifierSession, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
    """The verdicts on (problem, response text), in order. Raises VerdictError where they are anything else."""
    found: Any = verifier.verify(items)
    fault = _fault(found, len(items))
    if fault:
        kind = type(verifier)
        raise VerdictError(f"verifier: {kind.__module__}.{kind.__qualname__} returned {fault}; it must return {FORM}")
    return list(found)


def _fault(found: Any, count: int) -> str | None:
    if not isinstance(found, list | tuple):
        return _shown(found)
    if len(found) != count:
        return f"{len(found)} verdicts for {count} responses"
    faults = ((number, _verdict_fault(verdict)) for number, verdict in enumerate(found, start=1))
    return next((f"{fault} for response {number} of {count}" for number, fault in faults if fault), None)


def _verdict_fault(verdict: Any) -> str | None:
    if not isinstance(verdict, Verdict):
        return _shown(verdict)
    if not isinstance(verdict.correct, bool):
        return f"correct = {_shown(verdict.correct)}"
    if not isinstance(verdict.answer, str | None):
        return f"answer = {_shown(verdict.answer)}"
    if not isinstance(verdict.reason, str):
        return f"reason = {_shown(verdict.reason)}"
    if not _are_parts(verdict.parts):
        return f"parts = {_shown(verdict.parts)}"
    return None if is_share(verdict.score) else f"score = {_shown(verdict.score)}"


def _are_parts(value: Any) -> bool:
    """Whether it is pairs of a name and a number in [0, 1]."""
    pairs = isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)
    return pairs and all(isinstance(name, str) and is_share(score) for name, score in value)


def is_share(value: Any) -> bool:
    """Whether it is a number in [0, 1]."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def rate(scorer: ScorerSession, items: Sequence[tuple[Problem, tuple[str, ...]]]) -> list[float]:
    """The scores of the last steps of (problem, steps), in order, NaN where nothing was said.

    Raises VerdictError where they are anything else.
    """
    found: Any = scorer.rate(items)
    fault = _shown(found)
    if isinstance(found, list | tuple):
        fault = None if len(found) == len(items) else f"{len(found)} scores for {len(items)} steps"
        wrong = (
            (number, score) for number, score in enumerate(found, start=1) if score is not None and not is_share(score)
        )
        fault = fault or next((f"{_shown(score)} for step {n} of {len(items)}" for n, score in wrong), None)
    if fault:
        kind = type(scorer)
        raise VerdictError(
            f"scorer: {kind.__module__}.{kind.__qualname__} returned {fault}; it must return a list with one number"
            " in [0, 1], or None, for each step, in their order"
        )
    return [math.nan if score is None else float(score) for score in found]


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return f"{text[:_LONGEST]}{'...' if len(text) > _LONGEST else ''} ({type(value).__name__})"
