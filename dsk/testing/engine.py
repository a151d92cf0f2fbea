"""`EngineContract`: subclass it, say how to make your engine and a policy, and pytest checks what engines promise.

    class TestMyEngine(EngineContract):
        def make_engine(self):
            return MyEngine()

        def make_policy(self):
            return load_policy(ModelSpec(path="a/small/model"))

The policy should be small, in float32, and far from certain of its next token; every reference is a plain forward.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dsk.core.errors import RequestError
from dsk.core.types import Sample, SampleRequest
from dsk.testing.component import ComponentContract

if TYPE_CHECKING:
    import torch

    from dsk.core.model.policy import Policy
    from dsk.core.roles import Engine, EngineSession

PROMPT = "12+30*4="
LONG_PROMPT = "(1+2)*(3+4)-5*(6-7)+8*9-(10+11)/(12-13)+14*15-(16+17)*(18-19)+20"


def next_logits(policy: Policy, tokens: Sequence[int]) -> torch.Tensor:
    """Logits [T, V] after each token, by one uncached forward."""
    import torch

    training = policy.model.training
    policy.model.eval()
    with torch.no_grad():
        logits = policy.model(input_ids=torch.tensor([list(tokens)], device=policy.device), use_cache=False).logits[0]
    policy.model.train(training)
    return logits.float()


def reference_logprobs(policy: Policy, prefix: Sequence[int], tokens: Sequence[int]) -> list[float]:
    """Log-probability of each of `tokens` after `prefix`, by one uncached forward."""
    logprobs = next_logits(policy, [*prefix, *tokens]).log_softmax(-1)
    return [float(logprobs[len(prefix) - 1 + i, token]) for i, token in enumerate(tokens)]


def finish(session: EngineSession, *requests: SampleRequest) -> dict[str, tuple[Sample, ...]]:
    """Submit all, poll until they are done; samples by request id."""
    for request in requests:
        session.submit(request)
    done: dict[str, tuple[Sample, ...]] = {}
    while len(done) < len(requests):
        completions = session.poll()
        assert completions, f"poll returned nothing while {len(requests) - len(done)} requests are open"
        done |= {completion.request_id: completion.samples for completion in completions}
    return done


class EngineContract(ComponentContract):
    """What every engine promises. `open` may be overridden.

    `tolerance` is the largest log-probability error in nats; `cache_block` the tokens an engine caches as one.
    """

    tolerance = 1e-4
    cache_block = 1

    @abstractmethod
    def make_engine(self) -> Engine:
        """A component with its defaults or small sizes."""

    @abstractmethod
    def make_policy(self) -> Policy:
        """A small policy."""

    def component(self) -> Engine:
        """The engine."""
        return self.make_engine()

    def open(self, policy: Policy) -> AbstractContextManager[EngineSession]:
        """Open the engine on a policy."""
        return self.make_engine().open(policy)

    @pytest.fixture
    def policy(self) -> Policy:
        """A fresh policy for each test: some change its weights."""
        return self.make_policy()

    @pytest.fixture
    def session(self, policy: Policy) -> Iterator[EngineSession]:
        """The engine, open on the policy."""
        with self.open(policy) as session:
            yield session

    def request(self, policy: Policy, name: str = "a", text: str = PROMPT, **fields: object) -> SampleRequest:
        """A request for four samples of twelve tokens."""
        base = SampleRequest(name, tuple(policy.encode(text)), n=4, max_tokens=12, seed=7)
        return replace(base, **fields)  # pyright: ignore[reportArgumentType]

    def assert_logprobs(self, policy: Policy, prefix: Sequence[int], samples: Sequence[Sample]) -> None:
        """Every sample's log-probabilities are those of a plain forward."""
        for sample in samples:
            expected = reference_logprobs(policy, prefix, sample.tokens)
            assert sample.logprobs == pytest.approx(expected, abs=self.tolerance)

    def test_logprobs_equal_a_plain_forward(self, policy: Policy, session: EngineSession) -> None:
        """Also where temperature and truncation change what is drawn."""
        plain = self.request(policy)
        cut = self.request(policy, "b", seed=8, temperature=0.6, top_p=0.9, top_k=20)
        done = finish(session, plain, cut)
        self.assert_logprobs(policy, plain.prefix, done["a"] + done["b"])
        assert [len(sample.tokens) == len(sample.logprobs) for sample in done["a"]] == [True] * 4

    def test_a_childs_logprobs_equal_a_plain_forward(self, policy: Policy, session: EngineSession) -> None:
        """A prefix that the engine sampled itself, and that it may have cached."""
        policy = replace(policy, eos_ids=())
        request = self.request(policy, text=LONG_PROMPT)
        parent = max(finish(session, request)["a"], key=lambda sample: len(sample.tokens))
        child = replace(request, id="child", prefix=request.prefix + parent.tokens)
        sibling = replace(request, id="sibling", prefix=request.prefix + parent.tokens[:5])
        done = finish(session, child, sibling)
        self.assert_logprobs(policy, child.prefix, done["child"])
        self.assert_logprobs(policy, sibling.prefix, done["sibling"])

    def test_score_equals_a_plain_forward(self, policy: Policy, session: EngineSession) -> None:
        """The probe's view of the engine's weights."""
        tokens = policy.encode(LONG_PROMPT)
        expected = reference_logprobs(policy, tokens[:1], tokens[1:])
        assert session.score(tokens) == pytest.approx(expected, abs=self.tolerance)

    def test_a_seed_fixes_samples_whatever_else_is_in_the_batch(self, policy: Policy) -> None:
        """Alone, among strangers, and after them."""
        request = self.request(policy)
        strangers = [
            self.request(policy, f"s{i}", LONG_PROMPT[:i], seed=i, n=1 + i % 3, max_tokens=3 + i) for i in range(5, 15)
        ]
        with self.open(policy) as session:
            alone = finish(session, request)["a"]
        with self.open(policy) as session:
            among = finish(session, *strangers[:5], request, *strangers[5:])["a"]
            after = finish(session, replace(request, id="again"))["again"]
        assert [s.tokens for s in alone] == [s.tokens for s in among] == [s.tokens for s in after]

    def test_fewer_samples_are_the_first_of_more(self, policy: Policy, session: EngineSession) -> None:
        """Sample i depends on its index, not on n; and samples differ from each other."""
        done = finish(session, self.request(policy, n=8), self.request(policy, "b", n=3))
        assert [s.tokens for s in done["b"]] == [s.tokens for s in done["a"]][:3]
        assert len({s.tokens for s in done["a"]}) > 1

    def _unstopped(self, policy: Policy) -> Sample:
        """A sample with no end-of-sequence token among its twelve."""
        with self.open(replace(policy, eos_ids=(0,))) as session:
            samples = finish(session, self.request(policy, n=8))["a"]
        return next(s for s in samples if s.stop == "length" and len(s.tokens) == 12)

    def test_stops_say_why(self, policy: Policy) -> None:
        """End of sequence, a stop token, and the length; the token that stops is part of the sample."""
        with self.open(replace(policy, eos_ids=(0,))) as session:
            samples = finish(session, self.request(policy, n=8))["a"]
        token = samples[0].tokens[4]
        with self.open(replace(policy, eos_ids=(token, 0))) as session:
            by_eos = finish(session, self.request(policy, n=8))["a"]
        with self.open(replace(policy, eos_ids=(0,))) as session:
            by_token = finish(session, self.request(policy, n=8, stop_tokens=(token,)))["a"]
        for full, eos, stop in zip(samples, by_eos, by_token, strict=True):
            hit = token in full.tokens
            cut = full.tokens[: full.tokens.index(token) + 1] if hit else full.tokens
            assert (eos.tokens, stop.tokens) == (cut, cut)
            assert (eos.stop, stop.stop) == (("eos", "stop") if hit else (full.stop, full.stop))

    def test_end_of_sequence_on_the_last_allowed_token_is_seen(self, policy: Policy) -> None:
        """The released code of the paper takes such a step for an unfinished one."""
        full = self._unstopped(policy)
        end = next(i for i, token in enumerate(full.tokens) if token not in full.tokens[:i] and i >= 2)
        with self.open(replace(policy, eos_ids=(full.tokens[end],))) as session:
            samples = finish(session, self.request(policy, n=8, max_tokens=end + 1))["a"]
        ended = next(s for s in samples if s.tokens == full.tokens[: end + 1])
        assert ended.stop == "eos"

    def test_a_stop_string_ends_a_sample_after_the_token_that_completes_it(self, policy: Policy) -> None:
        """Also when the string is spread over several tokens."""
        full = self._unstopped(policy)
        end = next(i for i in range(2, 12) if len(policy.decode(full.tokens[i - 1 : i + 1])) >= 2)
        text = policy.decode(full.tokens[end - 1 : end + 1])
        with self.open(replace(policy, eos_ids=(0,))) as session:
            samples = finish(session, self.request(policy, n=8, stop_strings=("never said", text)))["a"]
        stopped = [s for s in samples if s.stop == "stop"]
        assert any(s.tokens == full.tokens[: len(s.tokens)] for s in stopped)
        for sample in stopped:
            assert text in policy.decode(sample.tokens)
            assert text not in policy.decode(sample.tokens[:-1])

    def test_truncation_keeps_to_the_nucleus(self, policy: Policy, session: EngineSession) -> None:
        """top_k 1, a tiny top_p and a tiny temperature give the likeliest token; a wider cut never leaves its set."""
        fields = {"k": {"top_k": 1}, "p": {"top_p": 1e-6}, "t": {"temperature": 1e-4}}
        wide = self.request(policy, "wide", n=16, max_tokens=4, top_k=10, top_p=0.6, temperature=1.3)
        done = finish(session, wide, *(self.request(policy, name, n=1, **cut) for name, cut in fields.items()))
        for name in fields:
            logits = next_logits(policy, [*wide.prefix, *done[name][0].tokens])
            assert list(done[name][0].tokens) == logits.argmax(-1)[len(wide.prefix) - 1 : -1].tolist()
        for sample in done["wide"]:
            logits = next_logits(policy, [*wide.prefix, *sample.tokens])[len(wide.prefix) - 1 : -1]
            for position, token in zip(logits, sample.tokens, strict=True):
                top, ids = (position / 1.3).topk(10)
                weights = top.softmax(-1)
                nucleus = ids[(weights.cumsum(-1) - weights) < 0.6 + 1e-4].tolist()
                assert token in nucleus

    def test_first_tokens_follow_the_models_distribution(self, policy: Policy, session: EngineSession) -> None:
        """2,000 samples, chi-squared over the likelier tokens at six standard deviations."""
        request = self.request(policy, n=2000, max_tokens=1)
        drawn = [sample.tokens[0] for sample in finish(session, request)["a"]]
        expected = (next_logits(policy, request.prefix)[-1].softmax(-1) * len(drawn)).tolist()
        likely = [token for token, count in enumerate(expected) if count >= 5]
        squares = sum((drawn.count(token) - expected[token]) ** 2 / expected[token] for token in likely)
        assert squares < len(likely) + 6 * (2 * len(likely)) ** 0.5

    def test_sync_takes_the_new_weights(self, policy: Policy, session: EngineSession) -> None:
        """All of them, the output layer too, and no cached prefix survives; later samples carry the version."""
        import torch

        from dsk.core.model.weights import Weights

        request = self.request(policy, text=LONG_PROMPT)
        assert {s.version for s in finish(session, request)["a"]} == {0}
        with torch.no_grad():
            for parameter in policy.model.parameters():
                parameter.mul_(0.7)
        session.sync(Weights(policy.model), 3)
        samples = finish(session, replace(request, id="b"))["b"]
        assert {s.version for s in samples} == {3}
        self.assert_logprobs(policy, request.prefix, samples)

    def test_samples_share_their_prefix(self, policy: Policy, session: EngineSession) -> None:
        """Seven of eight samples encode less than a block and the last token, which every one may need for itself."""
        request = self.request(policy, text=LONG_PROMPT, n=8)
        finish(session, request)
        assert session.stats().encoded_tokens <= len(request.prefix) + 7 * self.cache_block

    def test_what_it_forgot_is_encoded_again(self, policy: Policy, session: EngineSession) -> None:
        """As by a fresh engine: the same samples for the same work."""
        request = self.request(policy, text=LONG_PROMPT)
        first = finish(session, request)["a"]
        encoded = session.stats().encoded_tokens
        session.forget()
        assert finish(session, replace(request, id="b"))["b"] == first
        assert session.stats().encoded_tokens == 2 * encoded

    def test_a_cancelled_request_is_never_returned(self, policy: Policy, session: EngineSession) -> None:
        """Before it starts, while it runs, and when nobody knows it."""
        for name in "abc":
            session.submit(self.request(policy, name, max_tokens=8 if name == "b" else 40))
        session.cancel("a")
        session.cancel("unknown")
        assert [c.request_id for c in session.poll()] == ["b"]
        session.cancel("c")
        assert session.poll() == []

    def test_a_request_beyond_the_context_is_refused(self, policy: Policy, session: EngineSession) -> None:
        """With the numbers; the session goes on."""
        with pytest.raises(RequestError, match=str(policy.max_length)):
            session.submit(self.request(policy, max_tokens=policy.max_length))
        assert session.poll() == []

    def test_decoded_tokens_are_counted(self, policy: Policy, session: EngineSession) -> None:
        """Each sampled token once."""
        done = finish(session, self.request(policy), self.request(policy, "b", n=2))
        assert session.stats().decoded_tokens == sum(len(s.tokens) for group in done.values() for s in group)

    def test_tokens_through_the_model_are_counted(self, policy: Policy, session: EngineSession) -> None:
        """The prefix, and every sampled token but the last, which nothing follows."""
        request = self.request(policy, n=2)
        samples = finish(session, request)["a"]
        least = len(request.prefix) + sum(len(s.tokens) - 1 for s in samples)
        assert session.stats().forward_tokens >= least
