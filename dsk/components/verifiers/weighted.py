"""`weighted`: several verifiers judge, and their scores are averaged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import ClassVar

from pydantic import Field, model_validator

from dsk.core.component import StrictModel
from dsk.core.errors import SpecError
from dsk.core.roles import Verifier, VerifierSession
from dsk.core.sampling.verdicts import judge
from dsk.core.types import Problem, Verdict


class Part(StrictModel):
    """A verifier and what its score counts."""

    verifier: Verifier = Field(description="Who judges.")
    name: str | None = Field(
        None, min_length=1, description="What its score is called in the records; null is its kind."
    )
    weight: float = Field(1.0, ge=0, description="Weight of its score; only the ratios of weights matter.")


class WeightedVerifier(Verifier):
    """The weighted mean of several verifiers' scores; the first one says whether the response is correct.

    `score` = sum of `weight` x score, over the sum of weights. Each part judges each response. The answer is the first
    part's too, and the reason is its reason with the score of each part: `different; math 0, function 0.5`. A step's
    record has the mean score of each part as `part_NAME`; of parts with one name the later are numbered. A weight of
    0 lets a part decide what is correct, or be seen, and nothing more. `rewards.scale` = `graded` trains on the mean.
    """

    kind: ClassVar[str] = "weighted"
    graded: ClassVar[bool] = True

    parts: tuple[Part, ...] = Field(
        min_length=1,
        description='The verifiers: {"verifier": {"kind": ...}, "weight": number}, the deciding one first.',
    )

    @model_validator(mode="after")
    def _check_weights(self) -> WeightedVerifier:
        if not sum(part.weight for part in self.parts):
            raise ValueError("parts: every weight is 0; give one of them a weight")
        return self

    def names(self) -> list[str]:
        """A name of its own for each part."""
        plain = [part.name or part.verifier.kind for part in self.parts]
        before = [plain[:number].count(name) for number, name in enumerate(plain)]
        return [f"{name}_{count + 1}" if count else name for name, count in zip(plain, before, strict=True)]

    @property
    def identity(self) -> str:
        """Those of the parts, with their weights."""
        return json.dumps({"kind": self.kind, "parts": [[p.verifier.identity, p.weight] for p in self.parts]})

    def can_judge(self, reference: str) -> bool:
        """Whether every part can: one that cannot would give each response the same."""
        return all(part.verifier.can_judge(reference) for part in self.parts)

    def columns(self) -> tuple[str, ...]:
        """Those of all parts."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.verifier.columns()))

    def missing(self) -> str | None:
        """What the first part that lacks something lacks."""
        lacks = ((number, part.verifier.missing()) for number, part in enumerate(self.parts))
        return next((f"parts.{number}: {lack}" for number, lack in lacks if lack), None)

    @contextmanager
    def open(self) -> Iterator[WeightedSession]:
        """The sessions of all parts. Raises SpecError where one lacks something."""
        lack = self.missing()
        if lack:
            raise SpecError(f"verifier.{lack}")
        with ExitStack() as stack:
            yield WeightedSession(self, [stack.enter_context(part.verifier.open()) for part in self.parts])


class WeightedSession:
    """An open `weighted` verifier."""

    def __init__(self, spec: WeightedVerifier, sessions: Sequence[VerifierSession]) -> None:
        self.spec, self.sessions = spec, sessions

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order. Raises VerdictError where a part gives anything else."""
        by_part = [judge(session, items) for session in self.sessions]
        return [self._mean(verdicts) for verdicts in zip(*by_part, strict=True)]

    def _mean(self, verdicts: Sequence[Verdict]) -> Verdict:
        parts = self.spec.parts
        total = math.fsum(part.weight for part in parts)
        weighted = math.fsum(part.weight * verdict.score for part, verdict in zip(parts, verdicts, strict=True))
        by_name = {name: float(verdict.score) for name, verdict in zip(self.spec.names(), verdicts, strict=True)}
        scores = ", ".join(f"{name} {score:g}" for name, score in by_name.items())
        first = verdicts[0]
        return Verdict(
            first.correct, first.answer, f"{first.reason}; {scores}", min(weighted / total, 1.0), tuple(by_name.items())
        )
