"""The engine contract for the engines that need nothing installed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from tiny_models import FAMILIES, tiny_policy

from dsk.components.engines.decoding.drawing import Tempering, draw, uniforms
from dsk.components.engines.scripted import Scripted, ScriptedSession
from dsk.components.engines.transformers import Transformers
from dsk.core.errors import RequestError
from dsk.core.types import Sample, SampleRequest
from dsk.testing.engine import EngineContract, next_logits, reference_logprobs


class TestTransformers(EngineContract):
    @pytest.fixture(params=[(family, tied) for family in FAMILIES for tied in (True, False)], ids=str)
    def policy(self, request):
        family, tied = request.param
        return tiny_policy(family, tied=tied)

    def make_policy(self):
        return tiny_policy()

    def make_engine(self):
        return Transformers(max_rows=16, cache_bytes=8 << 20)


class TestPackedTransformers(TestTransformers):
    """As large models run on a CPU: with a packed copy of the weights, which a sync must bring up to date."""

    def make_engine(self):
        return Transformers(max_rows=16, cache_bytes=8 << 20, pack_from=0)


class TestBfloat16Transformers(TestTransformers):
    """bfloat16 keeps 8 bits of each logit, and the cached path rounds elsewhere than a plain forward: 0.1 nats."""

    tolerance = 0.1

    @pytest.fixture
    def policy(self):
        return tiny_policy("qwen2", dtype=torch.bfloat16, spread=0.1)

    test_a_seed_fixes_samples_whatever_else_is_in_the_batch = None
    test_truncation_keeps_to_the_nucleus = None
    test_first_tokens_follow_the_models_distribution = None
    test_stops_say_why = None
    test_fewer_samples_are_the_first_of_more = None
    test_end_of_sequence_on_the_last_allowed_token_is_seen = None
    test_a_stop_string_ends_a_sample_after_the_token_that_completes_it = None


class SlowPolicyScript:
    """The obvious sampler: one uncached forward for each token of each sample."""

    def __init__(self, policy):
        self.policy, self.cache = policy, {}

    def logits(self, tokens):
        if tokens not in self.cache:
            self.cache[tokens] = next_logits(self.policy, tokens)[-1:]
        return self.cache[tokens]

    def __call__(self, request: SampleRequest):
        return [self.sample(request, index) for index in range(request.n)]

    def sample(self, request, index):
        tokens, logprobs, reason = (), (), "length"
        tempering = Tempering.of([(request.temperature, request.top_p, request.top_k)], torch.device("cpu"))
        for number in uniforms(request.seed, index, request.max_tokens):
            token, logprob = draw(self.logits(request.prefix + tokens), torch.tensor([number]), tempering)
            tokens, logprobs = (*tokens, int(token)), (*logprobs, float(logprob))
            text = self.policy.decode(tokens)
            if tokens[-1] in request.stop_tokens or any(stop in text for stop in request.stop_strings):
                reason = "stop"
            if tokens[-1] in self.policy.eos_ids:
                reason = "eos"
            if reason != "length":
                break
        return Sample(tokens, logprobs, reason, 0)


class CheckedScriptedSession(ScriptedSession):
    """A script has no context length and takes no weights: the two it stands in for come from the policy."""

    def __init__(self, policy):
        super().__init__(SlowPolicyScript(policy), lambda request: request.max_tokens)
        self.policy = policy
        self._score = lambda tokens: reference_logprobs(policy, tokens[:1], tokens[1:])

    def submit(self, request):
        if len(request.prefix) + request.max_tokens > self.policy.max_length:
            raise RequestError(f"longer than {self.policy.max_length}")
        super().submit(request)

    def sync(self, weights, version):
        super().sync(weights, version)
        self.script = SlowPolicyScript(self.policy)

    def stats(self):
        stats = super().stats()
        return replace(stats, forward_tokens=stats.decoded_tokens + stats.cached_tokens)


class TestScripted(EngineContract):
    def make_policy(self):
        return tiny_policy()

    def make_engine(self):
        return Scripted(path="script.json")  # the properties of sampling open the session below

    @contextmanager
    def open(self, policy):
        yield CheckedScriptedSession(policy)
