"""A request while it is being served: its samples, and the branches still to be decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsk.core.errors import RequestError
from dsk.core.types import Completion, Sample, SampleRequest

if TYPE_CHECKING:
    from dsk.components.engines.decoding.drawing import Following


@dataclass(eq=False)
class Draft:
    """Sample `index` of a request, as far as it was drawn before a preemption. `version`: of its first token."""

    index: int
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    version: int | None = None


@dataclass(eq=False)
class Pending:
    """A request with the samples that are finished."""

    request: SampleRequest
    done: dict[int, Sample] = field(default_factory=dict)

    def completion(self) -> Completion | None:
        """All samples in order, once they are there."""
        if len(self.done) < self.request.n:
            return None
        return Completion(self.request.id, tuple(self.done[i] for i in range(self.request.n)))


@dataclass(eq=False)
class Branch:
    """Drafts that continue the same `context` tokens; `following` (one row) is what follows the context, once known."""

    pending: Pending
    context: tuple[int, ...]
    drafts: list[Draft]
    following: Following | None = None

    @property
    def request(self) -> SampleRequest:
        """What was asked for."""
        return self.pending.request

    @classmethod
    def of(cls, request: SampleRequest) -> Branch:
        """A fresh request: all samples from the prefix."""
        return cls(Pending(request), request.prefix, [Draft(i) for i in range(request.n)])

    def resumed(self, draft: Draft) -> Branch:
        """One sample from where it is."""
        return Branch(self.pending, self.request.prefix + draft.tokens, [draft])


def check_request(request: SampleRequest, limit: int) -> None:
    """Raise RequestError for a request without work, or beyond a context of `limit` tokens."""
    if not request.prefix or request.n < 1 or request.max_tokens < 1:
        raise RequestError(f"request '{request.id}': needs a prefix, n >= 1 and max_tokens >= 1")
    prefix, new = len(request.prefix), request.max_tokens
    if prefix + new > limit:
        raise RequestError(
            f"request '{request.id}': {prefix} prefix + {new} new tokens exceed the model's context"
            f" of {limit}; shorten the prompt or the response"
        )
