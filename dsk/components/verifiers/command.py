"""`command`: a user's own program judges, in any language, under the same limits as the built-in workers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from dsk.components.verifiers.pool import WorkerPool
from dsk.components.verifiers.worker import MAX_REPLY, WorkerConfig
from dsk.core.errors import SpecError, VerdictError, VerifierError
from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict

HOPELESS = 8
SCRIPTS = (".py", ".js", ".mjs", ".ts", ".rb", ".pl", ".sh", ".jl", ".lua", ".php", ".R", ".jar")
FORM = '{"correct": true or false, "answer": text or null, "reason": text}, the last two optional, nothing else'
_LONGEST_REASON = 100
_LONGEST_SHOWN = 120
_OWN = {"timeout": "timeout", "exhausted": "timeout", "died": "died"}
_BAD = {"unparsable": f"a line of more than {MAX_REPLY:,} bytes", "surplus": "more than one line for one response"}


class CommandVerifier(Verifier):
    """Runs `program` and talks JSON lines with it: one task in, one verdict out, one at a time.

    In: `{"problem": {"id", "prompt", "answer", "meta"}, "response": text}`. Out: `{"correct": bool, "answer": text or
    null, "reason": text}` (the last two may be left out). The program must flush each line and end at end of file.
    Reasons of dsk's own: `timeout`, `died`. A program that exceeds a limit or dies is started again for the next
    answer; one that writes any other line (`{"correct": 0.3}`, a message) stops the run: nothing is trained on it.
    """

    kind: ClassVar[str] = "command"
    neutral: ClassVar[tuple[str, ...]] = ("workers", "batch_limit")
    program: tuple[str, ...] = Field(min_length=1, description='The program and its arguments: ["node", "judge.js"].')
    workers: int = Field(2, ge=1, le=256, description="Copies of the program that run side by side.")
    cpu_limit: float = Field(10.0, gt=0, description="Processor seconds the program may spend on one answer.")
    time_limit: float = Field(10.0, gt=0, le=3600, description="Wall-clock seconds it may spend on one answer.")
    start_limit: float = Field(30.0, ge=0, description="Wall-clock seconds more for the first answer after a start.")
    batch_limit: float = Field(
        600.0, gt=0, description="Seconds after which a call's answers that no program has begun are `timeout`."
    )
    memory_mb: int = Field(4096, ge=16, description="Address space of one copy (MiB).")
    max_response_chars: int = Field(200_000, ge=1, description="Characters at the end of a response that are sent.")

    def missing(self) -> str | None:
        """What of the program is not on this machine: the executable, or the script that an interpreter is to run."""
        program, *arguments = self.program
        if shutil.which(program) is None:
            return f"'{program}' is not an executable on this machine; give a full path, or an interpreter and a script"
        script = Path(arguments[0]) if arguments else None
        if script is not None and script.suffix in SCRIPTS and not script.is_file():
            return f"no file '{script}' (working folder {Path.cwd()}); give its path"
        return None

    @contextmanager
    def open(self) -> Iterator[CommandSession]:
        """A session; the programs start with the first answer and end with the block. Raises SpecError."""
        lack = self.missing()
        if lack:
            raise SpecError(f"verifier.program: {lack}")
        config = WorkerConfig(self.time_limit, self.cpu_limit, self.memory_mb, self.program, self.start_limit)
        with WorkerPool(config, self.workers) as pool:
            yield CommandSession(self, pool)


class CommandSession:
    """An open `command` verifier; safe to call from several threads."""

    def __init__(self, spec: CommandVerifier, pool: WorkerPool) -> None:
        self.spec = spec
        self.pool = pool
        self._deaths = 0

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order.

        Raises VerifierError if the program never answers, VerdictError if it answers in another form.
        """
        replies = self.pool.run([self._task(*item) for item in items], self.spec.batch_limit)
        for reply in replies:
            self._deaths = self._deaths + 1 if reply.get("reason") == "died" else 0
        if self._deaths >= HOPELESS:
            raise VerifierError(
                f"verifier.program: '{' '.join(self.spec.program)}' ended without an answer {self._deaths} times in a"
                " row; run it by hand and give it one line of JSON"
            )
        return [self._verdict(reply) for reply in replies]

    def _verdict(self, reply: dict[str, Any]) -> Verdict:
        """The program's line as a verdict, or dsk's own reason why there is none."""
        if "line" not in reply:
            reason = str(reply["reason"])
            if reason in _BAD:
                raise self._refused(_BAD[reason])
            return Verdict(False, None, _OWN[reason])
        try:
            return parse_verdict(reply["line"])
        except ValueError as fault:
            raise self._refused(f"{fault}: {reply['line'][:_LONGEST_SHOWN]!r}") from None

    def _refused(self, found: str) -> VerdictError:
        program = " ".join(self.spec.program)
        return VerdictError(f"verifier.program: '{program}' wrote {found}; it must write one line a response: {FORM}")

    def _task(self, problem: Problem, response: str) -> dict[str, Any]:
        prompt = problem.prompt if isinstance(problem.prompt, str) else [dict(message) for message in problem.prompt]
        stated = {"id": problem.id, "prompt": prompt, "answer": problem.answer, "meta": dict(problem.meta)}
        return {"problem": stated, "response": response[-self.spec.max_response_chars :]}


def parse_verdict(line: str) -> Verdict:
    """A program's line as a verdict. Raises ValueError saying what is not of the documented form."""
    try:
        reply = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("a line that is not JSON") from None
    if not isinstance(reply, dict):
        raise ValueError("JSON that is not an object")
    unknown = sorted(reply.keys() - {"correct", "answer", "reason"})
    if unknown:
        raise ValueError(f"a verdict with the unknown field '{unknown[0]}'")
    correct, answer, reason = reply.get("correct"), reply.get("answer"), reply.get("reason")
    if not isinstance(correct, bool):
        raise ValueError("a verdict whose 'correct' is not true or false")
    for name, value in (("answer", answer), ("reason", reason)):
        if not isinstance(value, str | None):
            raise ValueError(f"a verdict whose '{name}' is not text")
    return Verdict(correct, answer, (reason or ("equal" if correct else "different"))[:_LONGEST_REASON])
