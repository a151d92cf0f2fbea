"""`function`: a plain Python function of the user's gives each response a score."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dsk.components.verifiers.answers.extraction import extract
from dsk.core.errors import SpecError, VerdictError, VerifierError
from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict
from dsk.core.workers.pool import HOPELESS, WorkerPool, worker_environment
from dsk.core.workers.program import stated
from dsk.core.workers.worker import WorkerConfig

MODULE = "dsk.components.verifiers.workers.reward_function"
ROUNDING = 1e-9
_NAMED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_OWN = {"timeout": "timeout", "exhausted": "timeout", "died": "died", "memory": "memory"}


class FunctionVerifier(Verifier):
    """Calls `reward(prompt, completion, answer, **columns)`, a Python function that returns a number from 0 to 1.

    It is given what it takes by name: `prompt` (text, or a list of messages), `completion` (the response's text),
    `answer` (the reference) and the problem's columns (`Problem.meta`), all as JSON has them; with `**columns` it is
    given every column. True and False count as 1 and 0. The module is looked for in the working folder, as the file
    names of a spec are, and then among the installed ones; `dsk validate` imports it and says what is wrong.

    One that takes `completions` is called as TRL calls its `reward_funcs`: with lists, of one response each, of
    `prompts`, `completions` (messages where the prompt is messages) and every column, and returns a list with one
    number; it sees no other responses. `low` and `high` make scores of values in another range.

    It runs in worker processes under limits; a call that exceeds one is judged 0, with the reason `timeout`, `memory`
    or `died`. What it prints is not shown. A function that raises stops the run with one line, because its mistake
    would be trained as if it were the response's (`on_error` says otherwise); one that returns anything but a number
    from 0 to 1 always does. `rewards.scale` = `graded` trains on the scores, `binary` on whether `threshold` was
    reached. Other reasons: `reached`, `below`, `raised`. The answer that is shown and has a vote is the last box.
    """

    kind: ClassVar[str] = "function"
    neutral: ClassVar[tuple[str, ...]] = ("workers", "batch_limit", "start_limit")
    graded: ClassVar[bool] = True

    reward: str = Field(description="The function, as `module:function`.")
    low: float = Field(0.0, description="The least that the function returns: the score 0.")
    high: float = Field(1.0, description="The most that the function returns: the score 1.")
    threshold: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Least score of a correct response: one that solves its problem, lowers its share in the hard set"
        " and may enter the cache. By default nothing less than all of it.",
    )
    on_error: Literal["stop", "wrong"] = Field(
        "stop", description="What an exception in the function does: end the run, or count as the score 0."
    )
    workers: int = Field(2, ge=1, le=256, description="Worker processes.")
    cpu_limit: float = Field(10.0, gt=0, description="Processor seconds the function may spend on one response.")
    time_limit: float = Field(10.0, gt=0, le=3600, description="Wall-clock seconds it may spend on one response.")
    start_limit: float = Field(60.0, gt=0, description="Wall-clock seconds that importing its module may take.")
    batch_limit: float = Field(
        600.0, gt=0, description="Seconds after which a call's responses that no worker has begun are `timeout`."
    )
    memory_mb: int = Field(4096, ge=256, description="Address space of a worker with all that it imports (MiB).")
    max_response_chars: int = Field(200_000, ge=1, description="Characters at the end of a response that it is given.")

    @model_validator(mode="after")
    def _check_range(self) -> FunctionVerifier:
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(f"low = {self.low:g} and high = {self.high:g}: give finite ones, low below high")
        return self

    @field_validator("reward")
    @classmethod
    def _check_form(cls, value: str) -> str:
        if _NAMED.fullmatch(value) and ".py:" not in value:
            return value
        near = ":".join(value.replace(".py:", ":").replace("/", ".").replace(":", ".").rsplit(".", 1))
        meant = f"; did you mean '{near}'?" if _NAMED.fullmatch(near) else ""
        raise PydanticCustomError("reward_form", "{text}", {"text": f"is not of the form module:function{meant}"})

    def missing(self) -> str | None:
        """What is wrong with the function: it is imported in a process of its own."""
        command = [sys.executable, "-P", "-m", MODULE, str(Path.cwd()), self.reward]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=self.start_limit, env=worker_environment(), check=False
            )
        except subprocess.TimeoutExpired:
            return f"importing '{self._module}' took longer than start_limit = {self.start_limit:g} seconds"
        if not done.stdout:
            return f"importing '{self._module}' ended its process (exit status {done.returncode})"
        return json.loads(done.stdout)

    def promise(self) -> str:
        """What the function has to return."""
        return f"it must return a number from {self.low:g} to {self.high:g} (verifier.low, verifier.high)"

    @property
    def _module(self) -> str:
        return self.reward.partition(":")[0]

    @contextmanager
    def open(self) -> Iterator[FunctionSession]:
        """A session; the workers start with the first response and end with the block. Raises SpecError."""
        lack = self.missing()
        if lack:
            raise SpecError(f"verifier.reward: {lack}")
        limits = (self.time_limit, self.cpu_limit, self.memory_mb)
        config = WorkerConfig(*limits, module=MODULE, arguments=(self.reward, str(Path.cwd())))
        with WorkerPool(config, self.workers) as pool:
            yield FunctionSession(self, pool)


class FunctionSession:
    """An open `function` verifier; safe to call from several threads."""

    def __init__(self, spec: FunctionVerifier, pool: WorkerPool) -> None:
        self.spec = spec
        self.pool = pool

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order.

        Raises VerdictError where the function raises or returns something else, VerifierError where it always dies.
        """
        replies = self.pool.run([self._task(*item) for item in items], self.spec.batch_limit)
        if self.pool.deaths >= HOPELESS:
            raise VerifierError(
                f"verifier.reward: '{self.spec.reward}' ended its process {self.pool.deaths} times in a row: a crash,"
                f" or more than memory_mb = {self.spec.memory_mb}; call it by hand"
            )
        return [self._verdict(*item, reply) for item, reply in zip(items, replies, strict=True)]

    def _task(self, problem: Problem, response: str) -> dict[str, Any]:
        known = stated(problem)
        completion = response[-self.spec.max_response_chars :]
        asked = {"prompt": known["prompt"], "completion": completion, "answer": known["answer"]}
        return {**asked, "columns": known["meta"], "range": [self.spec.low, self.spec.high]}

    def _verdict(self, problem: Problem, response: str, reply: dict[str, Any]) -> Verdict:
        found = extract(response[-self.spec.max_response_chars :])
        if "score" in reply:
            score = float(reply["score"])
            correct = score >= self.spec.threshold - ROUNDING
            return Verdict(correct, found, "reached" if correct else "below", score)
        if "returned" in reply:
            told = f"returned {reply['returned']} for problem '{problem.id}'; {self.spec.promise()}"
            raise VerdictError(f"verifier.reward: '{self.spec.reward}' {told}")
        if "raised" not in reply:
            return Verdict(False, found, _OWN.get(str(reply["reason"]), "died"), 0.0)
        if self.spec.on_error == "stop":
            told = f"{reply['raised']}, for problem '{problem.id}'; mend it, or set verifier.on_error to 'wrong'"
            raise VerdictError(f"verifier.reward: '{self.spec.reward}' {told}")
        return Verdict(False, found, "raised", 0.0)
