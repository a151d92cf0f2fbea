"""A user's own program, in any language, that answers JSON lines: what `command` components share."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import Field

from dsk.core.component import StrictModel
from dsk.core.errors import SpecError, VerdictError, VerifierError
from dsk.core.types import Problem
from dsk.core.workers.pool import HOPELESS, WorkerPool
from dsk.core.workers.worker import MAX_REPLY, WorkerConfig

Answer = TypeVar("Answer")
SCRIPTS = (".py", ".js", ".mjs", ".ts", ".rb", ".pl", ".sh", ".jl", ".lua", ".php", ".R", ".jar")
_LONGEST_SHOWN = 120
_OWN = {"timeout": "timeout", "exhausted": "timeout", "died": "died"}
_BAD = {"unparsable": f"a line of more than {MAX_REPLY:,} bytes", "surplus": "more than one line for one {asked}"}


class ProgramFields(StrictModel):
    """The program, and the limits under which it answers."""

    program: tuple[str, ...] = Field(min_length=1, description='The program and its arguments: ["node", "judge.js"].')
    workers: int = Field(2, ge=1, le=256, description="Copies of the program that run side by side.")
    cpu_limit: float = Field(10.0, gt=0, description="Processor seconds the program may spend on one answer.")
    time_limit: float = Field(10.0, gt=0, le=3600, description="Wall-clock seconds it may spend on one answer.")
    start_limit: float = Field(30.0, ge=0, description="Wall-clock seconds more for the first answer after a start.")
    batch_limit: float = Field(
        600.0, gt=0, description="Seconds after which the answers of a call that no program has begun are timed out."
    )
    memory_mb: int = Field(4096, ge=16, description="Address space of one copy (MiB).")

    def missing(self) -> str | None:
        """What of the program is not on this machine: the executable, or the script that an interpreter is to run."""
        program, *arguments = self.program
        if shutil.which(program) is None:
            return f"'{program}' is not an executable on this machine; give a full path, or an interpreter and a script"
        script = Path(arguments[0]) if arguments else None
        if script is not None and script.suffix in SCRIPTS and not script.is_file():
            return f"no file '{script}' (working folder {Path.cwd()}); give its path"
        return None


class Programs(Generic[Answer]):
    """Open copies of a program: `read` makes an answer of a line, `silent` one of the reason why there is no line.

    `asked` is what one task is about (a response, a step), `form` what a line looks like; `read` raises ValueError for
    any other line. The reasons are `timeout` and `died`. Safe to call from several threads.
    """

    def __init__(
        self,
        fields: ProgramFields,
        pool: WorkerPool,
        asked: str,
        form: str,
        read: Callable[[str], Answer],
        silent: Callable[[str], Answer],
    ) -> None:
        self.fields, self.pool, self.asked, self.form = fields, pool, asked, form
        self.read, self.silent = read, silent

    def ask(self, tasks: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """One answer per task, in order.

        Raises VerifierError if the program never answers, VerdictError if it answers in another form.
        """
        replies = self.pool.run(tasks, self.fields.batch_limit)
        if self.pool.deaths >= HOPELESS:
            raise VerifierError(
                f"{self.pool.owner}.program: '{' '.join(self.fields.program)}' ended without an answer"
                f" {self.pool.deaths} times in a row; run it by hand and give it one line of JSON"
            )
        return [self._answer(reply) for reply in replies]

    def _answer(self, reply: Mapping[str, Any]) -> Answer:
        if "line" not in reply:
            reason = str(reply["reason"])
            if reason in _BAD:
                raise self._refused(_BAD[reason].format(asked=self.asked))
            return self.silent(_OWN[reason])
        line = str(reply["line"])
        try:
            return self.read(line)
        except ValueError as fault:
            raise self._refused(f"{fault}: {line[:_LONGEST_SHOWN]!r}") from None

    def _refused(self, found: str) -> VerdictError:
        program = " ".join(self.fields.program)
        return VerdictError(
            f"{self.pool.owner}.program: '{program}' wrote {found}; it must write one line a {self.asked}: {self.form}"
        )


@contextmanager
def running(fields: ProgramFields, role: str) -> Iterator[WorkerPool]:
    """Workers for the program; copies start with the first task and end with the block. Raises SpecError."""
    lack = fields.missing()
    if lack:
        raise SpecError(f"{role}.program: {lack}")
    limits = (fields.time_limit, fields.cpu_limit, fields.memory_mb)
    with WorkerPool(WorkerConfig(*limits, fields.program, fields.start_limit), fields.workers, role) as pool:
        yield pool


def read_object(line: str, noun: str, allowed: Collection[str]) -> dict[str, Any]:
    """A line's JSON object, which has no fields but `allowed`. Raises ValueError that calls it `noun`."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("a line that is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("JSON that is not an object")
    unknown = sorted(found.keys() - set(allowed))
    if unknown:
        raise ValueError(f"{noun} with the unknown field '{unknown[0]}'")
    return found


def stated(problem: Problem) -> dict[str, Any]:
    """A problem as programs read it."""
    prompt = problem.prompt if isinstance(problem.prompt, str) else [dict(message) for message in problem.prompt]
    return {"id": problem.id, "prompt": prompt, "answer": problem.answer, "meta": dict(problem.meta)}
