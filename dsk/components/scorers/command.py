"""`command`: a user's own program rates steps, in any language, under the same limits as programs that judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from dsk.core.roles import Scorer, ScorerSession
from dsk.core.sampling.verdicts import is_share
from dsk.core.types import Problem
from dsk.core.workers.program import ProgramFields, Programs, read_object, running, stated

FORM = '{"score": a number from 0 to 1}, nothing else'


class CommandScorer(ProgramFields, Scorer):
    """Runs `program` and talks JSON lines with it: one task in, one score out, one at a time.

    In: `{"problem": {"id", "prompt", "answer", "meta"}, "steps": [text, ...]}`. Out: `{"score": number}`, from 0 to 1,
    how good the last step is. The program must flush each line and end at end of file. A program that exceeds a limit
    or dies is started again for the next step, and its step goes without a score; one that writes any other line stops
    the run.
    """

    kind: ClassVar[str] = "command"

    @contextmanager
    def open(self) -> Iterator[ScorerSession]:
        """A session; the programs start with the first step and end with the block. Raises SpecError."""
        with running(self, "scorer") as pool:
            yield CommandSession(Programs(self, pool, "step", FORM, parse_score, _silent))


class CommandSession:
    """An open `command` scorer; safe to call from several threads."""

    def __init__(self, programs: Programs[float | None]) -> None:
        self.programs = programs

    def rate(self, items: Sequence[tuple[Problem, tuple[str, ...]]]) -> list[float | None]:
        """One score for each (problem, steps), in order; None where the program hung or died.

        Raises VerifierError if the program never answers, VerdictError if it answers in another form.
        """
        return self.programs.ask([{"problem": stated(problem), "steps": list(steps)} for problem, steps in items])


def _silent(reason: str) -> None:
    """A step without a score, whatever the reason."""


def parse_score(line: str) -> float:
    """A program's line as a score. Raises ValueError saying what is not of the documented form."""
    score: Any = read_object(line, "a score", ("score",)).get("score")
    if not is_share(score):
        raise ValueError("a score that is not a number from 0 to 1")
    return float(score)
