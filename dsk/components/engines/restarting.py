"""A session that outlives one death of its engine: open requests are sent once more, to a fresh one.

Samples are drawn by the requests' seeds, so what the fresh engine returns is what the dead one would have, up to
rounding, which in bfloat16 reaches the tokens (docs/decisions/0001-prefix-tree-engine.md).
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import fields
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from dsk.core.errors import DskError, EngineError, Notice
from dsk.core.model.weights import Weights
from dsk.core.types import Completion, EngineStats, SampleRequest

if TYPE_CHECKING:
    from dsk.core.model.policy import Policy
    from dsk.core.roles import EngineSession

T = TypeVar("T")

DEATHS = (RuntimeError, MemoryError, OSError)
"""What a dying engine raises (CUDA errors, out of memory, lost workers); a DskError is no death."""
HIGHEST = ("peak_cache_bytes", "occupancy")
"""Figures of which the larger is kept when the counters of two engines are put together."""


class RestartingSession:
    """Wraps the sessions that `open(policy)` makes. `restarts` counts the deaths that were survived."""

    def __init__(self, open: Callable[[Policy], AbstractContextManager[EngineSession]], policy: Policy) -> None:
        self._open, self.policy, self.version, self.restarts = open, policy, 0, 0
        self.weights = Weights(policy.model, policy.value_head)
        self._requests: dict[str, SampleRequest] = {}
        self._retried: set[str] = set()
        self._before = EngineStats()
        self._stack = ExitStack()
        self.session: EngineSession | None = None

    def __enter__(self) -> Self:
        self.session = self._stack.enter_context(self._open(self.policy))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    @property
    def _alive(self) -> EngineSession:
        if self.session is None:
            raise EngineError("the engine has died; continue with --resume")
        return self.session

    def submit(self, request: SampleRequest) -> None:
        """Queue a request; it is kept until it returns."""
        self._surviving(lambda: self._alive.submit(request))
        self._requests[request.id] = request

    def poll(self) -> list[Completion]:
        """The engine's completions; after a first death those of a fresh engine. Raises EngineError at the second."""
        finished = self._surviving(lambda: self._alive.poll())
        for completion in finished:
            self._forget(completion.request_id)
        return finished

    def _surviving(self, action: Callable[[], T], died: bool = False) -> T:
        """What `action` gives; where the engine dies of it, what it gives with a fresh one."""
        try:
            return action()
        except DskError:
            raise
        except DEATHS as error:
            self._restart(error, died)
        return self._surviving(action, died=True)

    def _restart(self, error: BaseException, died: bool) -> None:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        again = self._retried & self._requests.keys()
        self._before, self.session = self.stats(), None
        if again or died:
            on = f" on request '{min(again)}'" if again else ""
            raise EngineError(
                f"the engine died twice{on} ({reason});"
                " lower engine.max_rows or its memory, then continue with --resume"
            ) from error
        self._retried |= self._requests.keys()
        self.restarts += 1
        text = f"the engine died ({reason}); its {len(self._requests)} requests are sent once more, to a fresh one"
        warnings.warn(text, Notice, stacklevel=2)
        with suppress(*DEATHS):  # closing what is dead may fail like the rest of it
            self._stack.close()
        traceback.clear_frames(error.__traceback__)  # they hold the dead engine's memory, which the fresh one needs
        try:
            self._stack = ExitStack()
            fresh = self._stack.enter_context(self._open(self.policy))
            fresh.sync(self.weights, self.version)
            for request in self._requests.values():
                fresh.submit(request)
        except DEATHS as second:
            raise EngineError(
                f"the engine died ({reason}) and a fresh one could not be started ({second}); continue with --resume"
            ) from second
        self.session = fresh

    def _forget(self, request_id: str) -> None:
        self._requests.pop(request_id, None)
        self._retried.discard(request_id)

    def cancel(self, request_id: str) -> None:
        """Drop a request; with an engine that is dead for good there is nothing left to drop."""
        self._forget(request_id)
        if self.session is not None:
            self._surviving(lambda: self._alive.cancel(request_id))

    def sync(self, weights: Weights, version: int) -> None:
        """Pass the weights on, and keep them for a restart."""
        self.weights, self.version = weights, version
        self._surviving(lambda: self._alive.sync(weights, version))

    def forget(self) -> None:
        """Drop cached prefixes."""
        self._surviving(lambda: self._alive.forget())

    def score(self, tokens: Sequence[int]) -> list[float]:
        """The engine's scores."""
        return self._surviving(lambda: self._alive.score(tokens))

    def stats(self) -> EngineStats:
        """Counters over all engines of this session."""
        now = self.session.stats() if self.session else EngineStats()
        merged: dict[str, Any] = {}
        for field in fields(EngineStats):
            old, new = getattr(self._before, field.name), getattr(now, field.name)
            merged[field.name] = max(old, new) if field.name in HIGHEST else old + new
        return EngineStats(**merged)
