"""The one place where verdicts enter: what a verifier returns is checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsk.core.errors import VerdictError
from dsk.core.roles import VerifierSession
from dsk.core.types import Problem, Verdict

FORM = "a list with one Verdict(correct: bool, answer: str | None, reason: str) for each response, in their order"
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
    return None if isinstance(verdict.reason, str) else f"reason = {_shown(verdict.reason)}"


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return f"{text[:_LONGEST]}{'...' if len(text) > _LONGEST else ''} ({type(value).__name__})"
