"""Samples from a script instead of a model: for tests of searches and schedulers, and for replaying a recorded run."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from dsk.core.errors import DataError, EngineError
from dsk.core.roles import Engine
from dsk.core.types import Completion, EngineStats, Sample, SampleRequest

if TYPE_CHECKING:
    from dsk.core.model.policy import Policy
    from dsk.core.model.weights import Weights

Script = Callable[[SampleRequest], Sequence[Sample]]


class ScriptedSession:
    """An engine session that answers from `script`, each request `delay(request)` virtual seconds after it starts.

    `slots` requests are served at a time, the others queue. `now` is the virtual clock: `poll` moves it to the next
    finish and returns everything that finishes then. `busy` is the sum of served delays, `peak` the most requests
    served at once.
    """

    def __init__(
        self,
        script: Script,
        delay: Callable[[SampleRequest], float] = lambda request: 0.0,
        slots: int = 1 << 30,
        score: Callable[[Sequence[int]], list[float]] | None = None,
    ) -> None:
        self.script, self.delay, self.slots, self._score = script, delay, slots, score
        self.now = self.busy = 0.0
        self.peak = self.version = 0
        self._queued: list[SampleRequest] = []
        self._served: list[tuple[float, int, int, SampleRequest]] = []
        self._count = self._decoded = self._prefix = 0

    def submit(self, request: SampleRequest) -> None:
        """Queue a request; it is served when one of the `slots` is free."""
        self._queued.append(request)
        self._start()

    def _start(self) -> None:
        while self._queued and len(self._served) < self.slots:
            request = self._queued.pop(0)
            self._count += 1
            heapq.heappush(self._served, (self.now + self.delay(request), self._count, self.version, request))
            self.peak = max(self.peak, len(self._served))

    def poll(self) -> list[Completion]:
        """Move the clock to the next finish; all completions of that moment."""
        if not self._served:
            return []
        start, finished = self.now, []
        self.now = self._served[0][0]
        self.busy += (self.now - start) * len(self._served)
        while self._served and self._served[0][0] == self.now:
            _, _, version, request = heapq.heappop(self._served)
            finished.append(self._complete(request, version))
        self._start()
        return finished

    def _complete(self, request: SampleRequest, version: int) -> Completion:
        samples = tuple(Sample(s.tokens, s.logprobs, s.stop, version) for s in self.script(request))
        if len(samples) != request.n:
            raise EngineError(
                f"scripted engine: the script has {len(samples)} samples for request '{request.id}',"
                f" which asks for {request.n}; extend the script"
            )
        self._decoded += sum(len(sample.tokens) for sample in samples)
        self._prefix += len(request.prefix)
        return Completion(request.id, samples)

    def cancel(self, request_id: str) -> None:
        """Forget a request, queued or served."""
        self._queued = [r for r in self._queued if r.id != request_id]
        self._served = [entry for entry in self._served if entry[3].id != request_id]
        heapq.heapify(self._served)
        self._start()

    def sync(self, weights: Weights, version: int) -> None:
        """Later requests are marked with `version`."""
        self.version = version

    def forget(self) -> None:
        """A script remembers nothing."""

    def score(self, tokens: Sequence[int]) -> list[float]:
        """The scripted scores; EngineError without any."""
        if self._score is None:
            raise EngineError("scripted engine: a script has no scores; use the transformers engine where a probe runs")
        return self._score(tokens)

    def stats(self) -> EngineStats:
        """Token counts; the prefix counts as cached, since no model encodes it."""
        share = self.busy / (self.now * self.peak) if self.now and self.peak else 0.0
        return EngineStats(decoded_tokens=self._decoded, cached_tokens=self._prefix, occupancy=share)


class Scripted(Engine):
    """Replays a JSON file: `{"samples": [{"prefix": [ids], "samples": [{"tokens", "logprobs", "stop"}]}]}`.

    A request is answered by the entry with its prefix: the first `n` of its samples.
    """

    kind: ClassVar[str] = "scripted"

    path: str = Field(description="JSON file with the samples for each prefix.")

    @contextmanager
    def open(self, policy: Policy) -> Iterator[ScriptedSession]:
        """A session over the file. Raises DataError where it is not a script."""
        table = self._load()

        def script(request: SampleRequest) -> Sequence[Sample]:
            if request.prefix not in table:
                raise EngineError(
                    f"{self.path}: no entry for the {len(request.prefix)}-token prefix of '{request.id}';"
                    " extend the script"
                )
            return table[request.prefix][: request.n]

        yield ScriptedSession(script)

    def _load(self) -> dict[tuple[int, ...], list[Sample]]:
        from dsk.core.input.reading import read_json

        data = read_json(self.path)
        try:
            return {tuple(entry["prefix"]): [_sample(s) for s in entry["samples"]] for entry in data["samples"]}
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{self.path}: not a script ({type(error).__name__}: {error});"
                ' expected {"samples": [{"prefix": [...], "samples": [{"tokens", "logprobs", "stop"}]}]}'
            ) from None


def _sample(data: Mapping[str, Any]) -> Sample:
    tokens, logprobs = tuple(data["tokens"]), tuple(data["logprobs"])
    if len(tokens) != len(logprobs) or data["stop"] not in ("eos", "stop", "length"):
        raise TypeError("a sample needs as many logprobs as tokens, and stop one of eos, stop, length")
    return Sample(tokens, logprobs, data["stop"], 0)
