"""The engine contract by plain forwards: for models whose layers cannot share a prefix between samples.

A request is decoded alone, all its samples in step, so that no row is padded. Its prefix goes through the model once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dsk.components.engines.decoding.check import FirstUse
from dsk.components.engines.decoding.drawing import Tempering, draw, uniforms
from dsk.components.engines.decoding.requests import check_request
from dsk.components.engines.decoding.runner import load_weights
from dsk.components.engines.decoding.stopping import StopRule
from dsk.core.model.architecture import bare_model, quiet
from dsk.core.model.policy import Policy
from dsk.core.model.weights import Weights
from dsk.core.types import Completion, EngineStats, Sample, SampleRequest, StopReason


class PlainSession:
    """Decodes with the policy's own module and attention, at most `max_rows` samples at once."""

    def __init__(self, policy: Policy, max_rows: int) -> None:
        self.policy, self.max_rows, self.version = policy, max_rows, 0
        self.stops = StopRule(policy.eos_ids, policy.tokenizer, policy.device)
        self.first = FirstUse(policy)
        self.waiting: deque[SampleRequest] = deque()
        self._decoded = self._encoded = self._forwarded = self._steps = self._rows = 0
        self._seconds = self._model_seconds = 0.0

    def submit(self, request: SampleRequest) -> None:
        """Queue a request. Raises RequestError where it can never be served."""
        check_request(request, self.policy.max_length)
        self.waiting.append(request)
        self.first.note(request)

    def poll(self) -> list[Completion]:
        """Decode the request that waits longest; what finished."""
        if not self.waiting:
            return []
        start, request = time.perf_counter(), self.waiting[0]
        samples: list[Sample] = []
        with quiet(bare_model(self.policy.model), None), torch.inference_mode():
            for first in range(0, request.n, self.max_rows):
                samples += self._samples(request, range(first, min(request.n, first + self.max_rows)))
        self.waiting.popleft()
        self._seconds += time.perf_counter() - start
        finished = [Completion(request.id, tuple(samples))]
        self.first.look(finished, self.version)
        return finished

    def _samples(self, request: SampleRequest, indices: range) -> list[Sample]:
        """The samples of these numbers, all a token longer with each forward until the last is over."""
        rows, device = len(indices), self.policy.device
        numbers = torch.tensor([uniforms(request.seed, i, request.max_tokens).tolist() for i in indices], device=device)
        tempering = Tempering.of([(request.temperature, request.top_p, request.top_k)] * rows, device)
        tokens = torch.zeros((rows, 0), dtype=torch.int64, device=device)
        chosen = torch.zeros((rows, 0), dtype=torch.float64, device=device)
        ends: dict[int, tuple[int, StopReason]] = {}
        rolling = Rolling(self, request.prefix, rows)
        for at in range(request.max_tokens):
            drawn, logprobs = draw(rolling.logits, numbers[:, at], tempering)
            tokens = torch.cat((tokens, drawn[:, None]), 1)
            chosen = torch.cat((chosen, logprobs.double()[:, None]), 1)
            self._decoded += rows - len(ends)
            for row, reason in self._over(request, tokens).items():
                ends.setdefault(row, (at + 1, reason))
            if len(ends) == rows:
                break
            if at + 1 < request.max_tokens:
                rolling.forward(drawn)
        found = [ends.get(row, (tokens.shape[1], "length")) for row in range(rows)]
        return [
            Sample(tuple(tokens[row, :end].tolist()), tuple(chosen[row, :end].tolist()), reason, self.version)
            for row, (end, reason) in enumerate(found)
        ]

    def _over(self, request: SampleRequest, tokens: Tensor) -> dict[int, StopReason]:
        over: dict[int, StopReason] = {}
        if request.stop_tokens or request.stop_strings:
            over = {row: "stop" for row, drawn in enumerate(tokens) if self.stops.stopped(request, drawn)}
        for row in self.stops.ended(tokens[:, -1]):
            over[row] = "eos"
        return over

    def forward(self, tokens: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Logits [R, V] after the last of `tokens` [R, T], and the cache with them in it."""
        start = time.perf_counter()
        self._forwarded += tokens.numel()
        self._steps += 1
        self._rows += len(tokens)
        output = self.policy.model(
            input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1, return_dict=True
        )
        self._model_seconds += time.perf_counter() - start
        return output.logits[:, -1], output.past_key_values

    def encoded(self, tokens: int) -> None:
        """Count a prefix that went through the model."""
        self._encoded += tokens

    def cancel(self, request_id: str) -> None:
        """Drop a request; unknown ids are ignored."""
        self.waiting = deque(request for request in self.waiting if request.id != request_id)

    def sync(self, weights: Weights, version: int) -> None:
        """Decode with these weights from now on. Weights that this module holds already are not copied."""
        if weights.module is not self.policy.model:
            load_weights(bare_model(self.policy.model), weights)
        self.version = version

    def forget(self) -> None:
        """Nothing outlives a request."""

    def score(self, tokens: Sequence[int]) -> list[float]:
        """Log-probability of each token after the first, token by token as samples are decoded."""
        found: list[float] = []
        with quiet(bare_model(self.policy.model), None), torch.inference_mode():
            rolling = Rolling(self, tokens[:1], 1)
            for at in range(1, len(tokens)):
                logits = rolling.logits.float() if rolling.logits.dtype != torch.float64 else rolling.logits
                found.append(float(logits.log_softmax(-1)[0, tokens[at]]))
                if at + 1 < len(tokens):
                    rolling.forward(torch.tensor([tokens[at]], device=self.policy.device))
        return found

    def stats(self) -> EngineStats:
        """Counters since the engine was opened; memory is the model's own affair."""
        return EngineStats(
            decoded_tokens=self._decoded,
            cached_tokens=0,
            encoded_tokens=self._encoded,
            reencoded_tokens=0,
            forward_tokens=self._forwarded + self.first.tokens,
            model_seconds=self._model_seconds,
            scheduler_seconds=max(self._seconds - self._model_seconds, 0.0),
            occupancy=self._rows / max(self._steps * self.max_rows, 1),
            peak_cache_bytes=0,
        )


class Rolling:
    """Rows that share a prefix and grow in step; `logits` [R, V] follow them."""

    def __init__(self, session: PlainSession, prefix: Sequence[int], rows: int) -> None:
        self.session = session
        logits, self.cache = session.forward(torch.tensor([list(prefix)], device=session.policy.device), None)
        session.encoded(len(prefix))
        self.logits = logits.expand(rows, -1)
        if rows > 1:
            self.cache.batch_repeat_interleave(rows)

    def forward(self, tokens: Tensor) -> None:
        """Append one of `tokens` [R] to each row."""
        self.logits, self.cache = self.session.forward(tokens[:, None], self.cache)
