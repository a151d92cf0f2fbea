"""What the transformers engine promises beyond the contract: memory, sync in mid-flight, and the borrowed module."""

from dataclasses import replace

import pytest
import torch
from tiny_models import tiny_policy

from dsk.components.engines.transformers import Transformers
from dsk.core.errors import EngineError, RequestError
from dsk.core.model.adapters import add_lora
from dsk.core.model.architecture import LogitRule
from dsk.core.model.weights import Weights
from dsk.core.types import SampleRequest
from dsk.testing.engine import finish, reference_logprobs

TEXT = "(1+2)*(3+4)-5*(6-7)+8*9-(10+11)/(12-13)+14*15-(16+17)*(18-19)"
ENGINE = Transformers(max_rows=32, cache_bytes=8 << 20)
PACKED = ENGINE.model_copy(update={"pack_from": 0})


def request(policy, name="a", text=TEXT, **fields):
    return replace(SampleRequest(name, tuple(policy.encode(text)), n=4, max_tokens=12, seed=7), **fields)


@pytest.fixture
def policy():
    return replace(tiny_policy("qwen2"), eos_ids=())


def test_each_token_of_a_tree_goes_through_the_model_once(policy):
    with ENGINE.open_once(policy) as session:
        tokens = request(policy).prefix
        prompt = len(tokens)
        for depth in range(6):
            samples = finish(
                session,
                request(policy, f"d{depth}", n=8, max_tokens=10, seed=depth, text="1"),
            )
            step = finish(session, replace(request(policy, f"s{depth}", n=8, max_tokens=10, seed=depth), prefix=tokens))
            tokens += step[f"s{depth}"][depth].tokens
            assert len(samples) == 1
        stats = session.stats()
    assert stats.reencoded_tokens == 5  # the one-token prompt, asked for six times: its last token is always forwarded
    assert stats.encoded_tokens == prompt + 5 + 6
    assert stats.cached_tokens == 5 * (prompt - 1) + 10 * (1 + 2 + 3 + 4 + 5)


def test_samples_of_one_request_encode_its_prefix_once(policy):
    with ENGINE.open_once(policy) as session:
        finish(session, request(policy, n=20), request(policy, "b", n=3, seed=2))
        assert session.stats().encoded_tokens == len(request(policy).prefix) + 1


def test_requests_join_and_leave_the_running_batch(policy):
    """A short request submitted while a long one runs returns first, and the long one goes on unharmed."""
    with ENGINE.open_once(policy) as session:
        alone = finish(session, request(policy, "long", max_tokens=60, n=2))["long"]
    with ENGINE.open_once(policy) as session:
        session.submit(request(policy, "long", max_tokens=60, n=2))
        session.submit(request(policy, "first", max_tokens=3))
        assert [c.request_id for c in session.poll()] == ["first"]
        session.submit(request(policy, "second", max_tokens=5, text="7*8="))
        assert [c.request_id for c in session.poll()] == ["second"]
        (last,) = session.poll()
    assert [s.tokens for s in last.samples] == [s.tokens for s in alone]


def test_more_samples_than_rows_are_drawn_in_turns(policy):
    with Transformers(max_rows=5, cache_bytes=8 << 20).open_once(policy) as session:
        few = finish(session, request(policy, n=23))["a"]
    with ENGINE.open_once(policy) as session:
        many = finish(session, request(policy, n=23))["a"]
    assert [s.tokens for s in few] == [s.tokens for s in many]


def test_dropped_prefixes_are_encoded_again_and_counted(policy):
    """The budget holds one long context, so that going back to an earlier one costs its encoding."""
    prefixes = [tuple(policy.encode(TEXT[i:] + TEXT[:i])) for i in range(8)]
    requests = [request(policy, f"r{i}", n=2, prefix=prefix) for i, prefix in enumerate(prefixes)]
    again = [replace(r, id=f"again-{r.id}") for r in requests]
    token_bytes = 2 * 2 * 2 * 8 * 4
    with Transformers(max_rows=4, cache_bytes=600 * token_bytes).open_once(policy) as session:
        tight = finish(session, *requests) | finish(session, *again)
        stats = session.stats()
    with ENGINE.open_once(policy) as session:
        ample = finish(session, *requests) | finish(session, *again)
        assert session.stats().reencoded_tokens == len(requests)
    assert stats.reencoded_tokens > 4 * len(requests)
    assert stats.peak_cache_bytes <= 600 * token_bytes
    assert {k: [s.tokens for s in v] for k, v in tight.items()} == {k: [s.tokens for s in v] for k, v in ample.items()}


def test_a_cancelled_request_frees_its_memory(policy):
    with ENGINE.open_once(policy) as session:
        session.submit(request(policy, "long", n=8, max_tokens=200))
        session.submit(request(policy, "short", n=1, max_tokens=1))
        session.poll()
        assert session.decoder.batch.rows
        held = session.decoder.memory.used - session.decoder.tree.bytes
        session.cancel("long")
        assert session.decoder.memory.used - session.decoder.tree.bytes < held / 4
        assert (session.decoder.batch.rows, session.decoder.batch.lanes) == ([], {})


def test_samples_under_way_at_a_sync_go_on_under_the_new_weights(policy):
    """Their version is the one they began under; each token's log-probability is that of the weights that drew it."""
    long = request(policy, "long", n=3, max_tokens=30)
    with ENGINE.open_once(policy) as session:
        session.submit(long)
        session.submit(request(policy, "short", n=1, max_tokens=8))
        session.poll()
        plain = tiny_policy("qwen2")
        with torch.no_grad():
            for parameter in policy.model.parameters():
                parameter.mul_(0.8)
        session.sync(Weights(policy.model), 1)
        (done,) = session.poll()
        later = finish(session, request(policy, "later"))["later"]
    assert {s.version for s in later} == {1}
    for sample in done.samples:
        assert sample.version == 0
        old = reference_logprobs(plain, long.prefix, sample.tokens)
        new = reference_logprobs(policy, long.prefix, sample.tokens)
        by_old = [abs(a - b) < 1e-4 for a, b in zip(sample.logprobs, old, strict=True)]
        switch = by_old.index(False)
        assert 5 <= switch <= 10
        assert sample.logprobs[switch:] == pytest.approx(new[switch:], abs=1e-4)


def test_the_trainers_module_is_given_back_as_it_was(policy):
    """Training mode, attention function, gradients; also after an error."""
    model = policy.model
    model.gradient_checkpointing_enable()
    before = model.config._attn_implementation
    with ENGINE.open_once(policy) as session:
        samples = finish(session, request(policy))["a"]
        assert (model.training, model.config._attn_implementation) == (True, before)
        session.decoder.runner.head = None
        session.submit(request(policy, "b"))
        with pytest.raises(TypeError):
            session.poll()
    assert (model.training, model.config._attn_implementation) == (True, before)
    ids = torch.tensor([request(policy).prefix + samples[0].tokens])
    model(input_ids=ids, labels=ids).loss.backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("engine", [ENGINE, PACKED], ids=["plain", "packed"])
def test_adapters_take_part_in_decoding(policy, engine):
    add_lora(policy.model, rank=4, alpha=8.0)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    with engine.open_once(policy) as session:
        samples = finish(session, request(policy))["a"]
    for sample in samples:
        expected = reference_logprobs(policy, request(policy).prefix, sample.tokens)
        assert sample.logprobs == pytest.approx(expected, abs=1e-4)


def test_long_contexts_are_encoded_in_chunks():
    policy = replace(tiny_policy("llama", max_length=1024), eos_ids=())
    prefix = tuple(policy.encode(TEXT * 9))
    with ENGINE.open_once(policy) as session:
        done = finish(session, *(request(policy, f"r{cut}", prefix=prefix[:cut]) for cut in (127, 128, 129, 130, 400)))
        assert session.stats().encoded_tokens <= 400 + 4
    for cut in (127, 128, 129, 130, 400):
        for sample in done[f"r{cut}"]:
            assert sample.logprobs == pytest.approx(reference_logprobs(policy, prefix[:cut], sample.tokens), abs=1e-4)


def test_weights_that_are_not_numbers_give_samples_not_a_crash(policy):
    with torch.no_grad():
        policy.model.model.norm.weight.fill_(float("nan"))
    with ENGINE.open_once(policy) as session:
        samples = finish(session, request(policy))["a"]
    assert all(logprob != logprob for sample in samples for logprob in sample.logprobs)


def test_a_model_that_is_decoded_otherwise_than_its_forward_pass_stops_the_run(policy, monkeypatch):
    monkeypatch.setattr(LogitRule, "of", lambda config: LogitRule(scale=1.5))
    with (
        ENGINE.open_once(policy) as session,
        pytest.raises(EngineError, match=r"first request .bound 0.001 for float32"),
    ):
        finish(session, request(policy))


def test_a_budget_too_small_for_a_sample_says_how_much_is_needed(policy):
    too_small = pytest.raises(RequestError, match=r"one sample needs \d+ bytes .* engine.cache_bytes is 100000")
    with Transformers(cache_bytes=100_000).open_once(policy) as session, too_small:
        session.submit(request(policy, max_tokens=400))
