"""The engine contract on real vLLM, and the stale output layer that the probe is there for."""

from __future__ import annotations

import pytest
import torch
from tiny_models import tiny_policy

from dsk.components.engines import vllm_session
from dsk.components.engines.vllm import Vllm
from dsk.core.model.weights import Weights
from dsk.testing.engine import EngineContract, finish, reference_logprobs

pytestmark = [pytest.mark.full, pytest.mark.skipif(Vllm().missing() is not None, reason="vllm is not installed")]


class TestVllm(EngineContract):
    cache_block = 32

    def make_policy(self):
        return tiny_policy("qwen2", hidden=128, max_length=256)

    def make_engine(self):
        return Vllm(max_rows=16)


def test_the_probe_sees_a_stale_tied_output_layer(monkeypatch):
    """The planted fault is vLLM's own: without packing again, the old output layer stays, and nothing says so."""
    policy = tiny_policy("qwen2", tied=True, hidden=128, max_length=256)
    tokens = policy.encode("1+2=3, 4+5=9")
    with Vllm(max_rows=16).open(policy) as session:
        with torch.no_grad():
            policy.model.model.embed_tokens.weight.mul_(0.5)
        expected = reference_logprobs(policy, tokens[:1], tokens[1:])
        with monkeypatch.context() as patch:
            patch.setattr(vllm_session, "repack_tied_head", lambda model: None)
            session.sync(Weights(policy.model), 1)
            stale = max(abs(a - b) for a, b in zip(session.score(tokens), expected, strict=True))
        session.sync(Weights(policy.model), 2)
        fresh = max(abs(a - b) for a, b in zip(session.score(tokens), expected, strict=True))
    assert stale > 0.05 > 1e-4 > fresh


def test_a_sample_under_way_keeps_the_version_it_began_under():
    policy = tiny_policy("qwen2", hidden=128, max_length=256)
    request = TestVllm().request(policy, max_tokens=40, n=2)
    with Vllm(max_rows=16).open(policy) as session:
        session.submit(request)
        session.submit(TestVllm().request(policy, "short", max_tokens=1, n=1))
        session.poll()
        session.sync(Weights(policy.model), 1)
        samples = session.poll()[0].samples
        later = finish(session, TestVllm().request(policy, "later", n=1))["later"]
    assert {s.version for s in samples} == {0}
    assert {s.version for s in later} == {1}
