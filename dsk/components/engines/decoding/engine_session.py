"""The open `transformers` engine: the engine contract around a Decoder."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from dsk.components.engines.decoding.buffers import KvBuffer, KvShape
from dsk.components.engines.decoding.check import FirstUse
from dsk.components.engines.decoding.decoder import Decoder
from dsk.components.engines.decoding.memory import CHUNK, rounded
from dsk.components.engines.decoding.prefill import encode
from dsk.components.engines.decoding.requests import Branch, check_request
from dsk.components.engines.decoding.runner import Runner
from dsk.components.engines.decoding.stopping import StopRule
from dsk.core.errors import RequestError
from dsk.core.model.policy import Policy
from dsk.core.model.weights import Weights
from dsk.core.types import Completion, EngineStats, SampleRequest


class DecodingSession:
    """Decodes with the policy's own module: at most `max_rows` rows, `budget` bytes of keys and values."""

    def __init__(self, policy: Policy, max_rows: int, budget: int, pack_from: int) -> None:
        self.policy, self.runner = policy, Runner(policy.model, pack_from, policy.value_head)
        stops = StopRule(policy.eos_ids, policy.tokenizer, policy.device)
        shape = KvShape.of(self.runner.model, policy.device)
        self.decoder = Decoder(self.runner, stops, shape, max_rows, budget)
        self.first = FirstUse(policy)
        self.decoder.batch.rated = self.runner.rater is not None
        self._seconds = 0.0

    def submit(self, request: SampleRequest) -> None:
        """Queue a request. Raises RequestError where it can never be served."""
        check_request(request, self.policy.max_length)
        new = request.max_tokens
        tokens, budget = least_tokens(len(request.prefix), new), self.decoder.memory.budget
        least = tokens * self.decoder.tree.token_bytes
        if least > budget:
            raise RequestError(
                f"request '{request.id}': one sample needs {least} bytes of keys and values, engine.cache_bytes is"
                f" {budget}; raise it, or shorten the response"
            )
        self.decoder.waiting.append(Branch.of(request))
        self.first.note(request)

    def poll(self) -> list[Completion]:
        """Decode until a request finishes or nothing is left; what finished."""
        start, decoder = time.perf_counter(), self.decoder
        with self.runner.borrowed():
            while not decoder.finished and not decoder.idle:
                decoder.step()
        self._seconds += time.perf_counter() - start
        finished, decoder.finished = decoder.finished, []
        self.first.look(finished, decoder.version)
        return finished

    def cancel(self, request_id: str) -> None:
        """Drop a request and free its memory; unknown ids are ignored."""
        with torch.inference_mode():
            self.decoder.cancel(request_id)

    def sync(self, weights: Weights, version: int) -> None:
        """Decode with these weights from now on; samples under way are encoded again under them.

        Weights that this module holds already are not copied.
        """
        self.forget()
        if weights.module is not self.policy.model:
            self.runner.load(weights)
        self.runner.load_head(weights.value_head)
        self.runner.adopt(self.policy.model)
        self.decoder.version, self.decoder.batch.rated = version, self.runner.rater is not None

    def forget(self) -> None:
        """Drop cached prefixes and empty the buffers."""
        with torch.inference_mode():
            self.decoder.release_all()
        self.decoder.tree.clear()

    def score(self, tokens: Sequence[int]) -> list[float]:
        """Log-probability of each token after the first, by the path that rollouts take (cached, chunk by chunk)."""
        found: list[float] = []
        with self.runner.borrowed():
            self.decoder.memory.room(len(tokens) * self.decoder.tree.token_bytes)
            buffer = KvBuffer(self.decoder.batch.shape)
            buffer.resize(1, len(tokens), keep=0)
            for start in range(0, len(tokens) - 1, CHUNK):
                inputs, targets = tokens[start : start + CHUNK], tokens[start + 1 : start + CHUNK + 1]
                hidden = encode(self.runner, buffer, [0], [start], [inputs])[0, : len(targets)]
                logprobs = self.runner.logits(hidden).to(self.decoder.batch.score_dtype).log_softmax(-1)
                wanted = torch.tensor(list(targets), device=hidden.device)[:, None]
                found += logprobs.gather(1, wanted)[:, 0].tolist()
        return found

    def stats(self) -> EngineStats:
        """Counters since the engine was opened."""
        counters = self.decoder.counters
        return EngineStats(
            decoded_tokens=counters.decoded,
            cached_tokens=counters.cached,
            encoded_tokens=counters.encoded,
            reencoded_tokens=counters.reencoded,
            forward_tokens=self.runner.forward_tokens + self.first.tokens,
            model_seconds=counters.model_seconds,
            scheduler_seconds=self._seconds - counters.model_seconds,
            occupancy=counters.rows / max(counters.steps * self.decoder.max_rows, 1),
            peak_cache_bytes=self.decoder.memory.peak,
        )


def least_tokens(prefix: int, new: int) -> int:
    """Tokens of keys and values that one sample needs at its end, buffers growing by copy included."""
    return 2 * (rounded(prefix + new) + rounded(new)) + CHUNK
