"""`command`: a user's own program judges, in any language, under the same limits as the built-in workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pydantic import Field

from dsk.core.roles import Verifier
from dsk.core.sampling.verdicts import is_share
from dsk.core.types import Problem, Verdict
from dsk.core.workers.program import ProgramFields, Programs, read_object, running, stated

FORM = (
    '{"correct": true or false, "answer": text or null, "reason": text, "score": 0 to 1}, all but the first optional,'
    " nothing else"
)
_LONGEST_REASON = 100


class CommandVerifier(ProgramFields, Verifier):
    """Runs `program` and talks JSON lines with it: one task in, one verdict out, one at a time.

    In: `{"problem": {"id", "prompt", "answer", "meta"}, "response": text}`. Out: `{"correct": bool, "answer": text or
    null, "reason": text, "score": number from 0 to 1}` (all but the first may be left out; the score is then 1 where
    correct, else 0). The program must flush each line and end at end of file. Reasons of dsk's own: `timeout`, `died`.
    A program that exceeds a limit or dies is started again for the next answer; one that writes any other line
    (`{"correct": 0.3}`, a message) stops the run: nothing is trained on it.
    """

    kind: ClassVar[str] = "command"
    neutral: ClassVar[tuple[str, ...]] = ("workers", "batch_limit")
    max_response_chars: int = Field(200_000, ge=1, description="Characters at the end of a response that are sent.")

    @contextmanager
    def open(self) -> Iterator[CommandSession]:
        """A session; the programs start with the first answer and end with the block. Raises SpecError."""
        with running(self, "verifier") as pool:
            yield CommandSession(self, Programs(self, pool, "response", FORM, parse_verdict, _silent))


class CommandSession:
    """An open `command` verifier; safe to call from several threads."""

    def __init__(self, spec: CommandVerifier, programs: Programs[Verdict]) -> None:
        self.spec, self.programs = spec, programs

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order.

        Raises VerifierError if the program never answers, VerdictError if it answers in another form.
        """
        return self.programs.ask([self._task(*item) for item in items])

    def _task(self, problem: Problem, response: str) -> dict[str, Any]:
        return {"problem": stated(problem), "response": response[-self.spec.max_response_chars :]}


def _silent(reason: str) -> Verdict:
    return Verdict(False, None, reason)


def parse_verdict(line: str) -> Verdict:
    """A program's line as a verdict. Raises ValueError saying what is not of the documented form."""
    reply = read_object(line, "a verdict", ("correct", "answer", "reason", "score"))
    correct, answer, reason = reply.get("correct"), reply.get("answer"), reply.get("reason")
    if not isinstance(correct, bool):
        raise ValueError("a verdict whose 'correct' is not true or false")
    for name, value in (("answer", answer), ("reason", reason)):
        if not isinstance(value, str | None):
            raise ValueError(f"a verdict whose '{name}' is not text")
    score = reply.get("score", float(correct))
    if not is_share(score):
        raise ValueError("a verdict whose 'score' is not a number from 0 to 1")
    return Verdict(correct, answer, (reason or ("equal" if correct else "different"))[:_LONGEST_REASON], float(score))
