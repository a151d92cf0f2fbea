r"""`math`: is the boxed answer equivalent to the reference, whatever its spelling and however hostile the text?"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import ClassVar, Literal

from pydantic import Field

from dsk.components.verifiers.answers.exact import decide
from dsk.components.verifiers.answers.extraction import is_bare_answer, stated
from dsk.components.verifiers.answers.normal import Form, based, form
from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict
from dsk.core.workers.pool import WorkerPool
from dsk.core.workers.worker import WorkerConfig

Pair = tuple[str, str]
"""An answer and the reference."""
_FORMS = 20_000


class MathVerifier(Verifier):
    r"""Equivalence of the last balanced `\boxed{}` with the reference: exact forms at once, the rest by sympy.

    Boxes that are listed together (`\boxed{1} and \boxed{2}`) are one answer. Of a chain of equations its last side
    counts, of `a \approx b` either. Before an answer is refused math-verify is asked, and believed where it can be:
    `docs/verifier_cases.md` says what is read, how often it is right, and what is not read.

    Reasons: `equal`, `different`, `no_answer`, `unparsable`, `timeout`, `memory`. Workers start with the first answer
    that needs them, so a task with whole-number answers never starts one.
    """

    kind: ClassVar[str] = "math"
    neutral: ClassVar[tuple[str, ...]] = ("workers", "batch_limit", "memo")
    workers: int = Field(2, ge=1, le=256, description="Worker processes for symbolic comparison.")
    cpu_limit: float = Field(2.0, gt=0, le=600, description="Processor seconds a worker may spend on one answer.")
    time_limit: float = Field(
        10.0,
        gt=0,
        le=600,
        description="Wall-clock seconds a worker may spend on one answer (more on a crowded machine).",
    )
    batch_limit: float = Field(
        120.0, gt=0, description="Seconds after which a call's answers that no worker has begun are `timeout`."
    )
    memory_mb: int = Field(1024, ge=256, description="Address space of a worker (MiB); more is `memory`.")
    fallbacks: tuple[Literal["phrase", "formula", "number", "line"], ...] = Field(
        (),
        description="Where to look without a box, in order: after 'answer is', the last formula, number or line.",
    )
    log: Literal["natural", "ten"] = Field(
        "natural", description="The base of `\\log` without one: e, as university mathematics has it, or ten."
    )
    max_response_chars: int = Field(
        2_000_000, ge=1, description="Of a longer response only this many characters at the end are searched."
    )
    max_answer_chars: int = Field(
        1000, ge=1, le=20_000, description="A longer answer is `unparsable` unless spelt exactly like the reference."
    )
    max_depth: int = Field(
        40, ge=1, le=200, description="Nested brackets in an answer beyond which it is `unparsable`."
    )
    decimals: int = Field(
        6, ge=1, le=15, description="Places a decimal must show to stand for the fraction or root it rounds."
    )
    memo: int = Field(100_000, ge=0, description="(answer, reference) pairs whose verdict is remembered.")

    def can_judge(self, reference: str) -> bool:
        """Whether it is an answer by itself, not a solution with one in it. No algebra is done, so this is quick."""
        return is_bare_answer(reference, self.max_answer_chars) and nesting(reference) <= self.max_depth

    @contextmanager
    def open(self) -> Iterator[MathSession]:
        """A session; its workers, if it ever needs any, end with the block."""
        config = WorkerConfig(
            self.time_limit, self.cpu_limit, self.memory_mb, module="dsk.components.verifiers.workers.symbolic"
        )
        with WorkerPool(config, self.workers) as pool:
            yield MathSession(self, pool)


class MathSession:
    """An open `math` verifier; safe to call from several threads."""

    def __init__(self, spec: MathVerifier, pool: WorkerPool) -> None:
        self.spec = spec
        self.pool = pool
        self._memo: OrderedDict[bytes, str] = OrderedDict()
        self._forms: OrderedDict[str, Form] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order; equal pairs are judged once."""
        spec = self.spec
        answers = [stated(text[-spec.max_response_chars :], spec.fallbacks) for _, text in items]
        golds = [problem.answer for problem, _ in items]
        if spec.log == "ten":
            answers = [answer and based(answer, 10) for answer in answers]
            golds = [based(gold, 10) for gold in golds]
        pairs = list(zip(answers, golds, strict=True))
        reasons = self._reasons(dict.fromkeys((a, g) for a, g in pairs if a is not None))
        return [_verdict(answer, "no_answer" if answer is None else reasons[answer, gold]) for answer, gold in pairs]

    def _reasons(self, pairs: dict[Pair, None]) -> dict[Pair, str]:
        """The reason code of each pair: remembered, decided exactly, or asked of the workers."""
        known: dict[Pair, str] = {}
        asked: list[Pair] = []
        for pair in pairs:
            reason = self._remembered(pair) or self._at_once(*pair)
            if reason is None:
                asked.append(pair)
            else:
                known[pair] = reason
        tasks = [{"answer": a, "gold": g, "decimals": self.spec.decimals} for a, g in asked]
        replies = self.pool.run(tasks, self.spec.batch_limit)
        known |= {pair: str(reply["reason"]) for pair, reply in zip(asked, replies, strict=True)}
        self._remember(known)
        return known

    def _at_once(self, answer: str, gold: str) -> str | None:
        """The reason where no algebra is needed; None otherwise."""
        if answer == gold:
            return "equal"
        if len(answer) > self.spec.max_answer_chars or nesting(answer) > self.spec.max_depth:
            return "unparsable"
        verdict = decide(form(answer), self._form(gold), self.spec.decimals)
        return None if verdict is None else "equal" if verdict else "different"

    def _form(self, gold: str) -> Form:
        """A reference answer's normal form, remembered."""
        with self._lock:
            found = self._forms.get(gold)
        if found is None:
            found = form(gold)
            with self._lock:
                self._forms[gold] = found
                if len(self._forms) > _FORMS:
                    self._forms.popitem(last=False)
        return found

    def _remembered(self, pair: Pair) -> str | None:
        key = _digest(pair)
        with self._lock:
            reason = self._memo.get(key)
            if reason is not None:
                self._memo.move_to_end(key)
            return reason

    def _remember(self, reasons: dict[Pair, str]) -> None:
        """Keep verdicts that will not change (a wall-clock timeout may: the machine was busy)."""
        with self._lock:
            for pair, reason in reasons.items():
                if reason != "timeout" and len(pair[0]) <= self.spec.max_answer_chars:
                    self._memo[_digest(pair)] = reason
            while len(self._memo) > self.spec.memo:
                self._memo.popitem(last=False)


def _digest(pair: Pair) -> bytes:
    """A pair's place in the memory of verdicts, which hostile answers must not fill with their text."""
    return blake2b(repr(pair).encode(), digest_size=16).digest()


def nesting(text: str) -> int:
    """The deepest level of nested brackets of any kind."""
    depth = deepest = 0
    for char in text:
        if char in "{([":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "})]":
            depth -= 1
    return deepest


_WORDS = {"exhausted": "timeout", "died": "memory"}
"""A worker that dies without a word has hit its memory limit inside C code, or exhausted its stack."""


def _verdict(answer: str | None, reason: str) -> Verdict:
    return Verdict(reason == "equal", answer, _WORDS.get(reason, reason))
