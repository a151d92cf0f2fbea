"""Engines that are wrong in one way each, around a sound one; `caught_by` is the property that must say so."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from tiny_models import tiny_policy

from dsk.components.engines.transformers import Transformers
from dsk.testing import EngineContract


class Wrapped:
    """A session that passes everything on; `sample` may change what comes back."""

    def __init__(self, inner: Any, policy: Any) -> None:
        self.inner, self.policy, self.requests = inner, policy, {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def submit(self, request):
        self.requests[request.id] = request
        self.inner.submit(request)

    def poll(self):
        return [replace(c, samples=tuple(self.sample(s, self.requests[c.request_id]) for s in c.samples))
                for c in self.inner.poll()]  # fmt: skip

    def sample(self, sample, request):
        return sample


class BrokenEngine(EngineContract):
    session_class: ClassVar[type]

    def make_engine(self):
        return Transformers(max_rows=16, cache_bytes=8 << 20)

    def make_policy(self):
        return tiny_policy()

    @contextmanager
    def open(self, policy):
        with self.make_engine().open(policy) as inner:
            yield self.session_class(inner, policy)


class Tempered(Wrapped):
    def sample(self, sample, request):
        return replace(sample, logprobs=tuple(value / request.temperature for value in sample.logprobs))


class BreaksLogprobs(BrokenEngine):
    caught_by = "test_logprobs_equal_a_plain_forward"
    session_class = Tempered


class StaleCache(Wrapped):
    def sample(self, sample, request):
        stale = len(request.prefix) > 70
        return replace(sample, logprobs=tuple(value - 0.05 * stale for value in sample.logprobs))


class BreaksCachedPrefixes(BrokenEngine):
    caught_by = "test_a_childs_logprobs_equal_a_plain_forward"
    session_class = StaleCache


class OffByOne(Wrapped):
    def score(self, tokens):
        return [*self.inner.score(tokens)[1:], 0.0]


class BreaksTheProbe(BrokenEngine):
    caught_by = "test_score_equals_a_plain_forward"
    session_class = OffByOne


class BatchSeeded(Wrapped):
    def submit(self, request):
        super().submit(replace(request, seed=request.seed + len(self.requests)))


class BreaksSeeding(BrokenEngine):
    caught_by = "test_a_seed_fixes_samples_whatever_else_is_in_the_batch"
    session_class = BatchSeeded


class SizeSeeded(Wrapped):
    def submit(self, request):
        super().submit(replace(request, seed=request.seed + request.n))


class BreaksPrefixesOfMore(BrokenEngine):
    caught_by = "test_fewer_samples_are_the_first_of_more"
    session_class = SizeSeeded


class Trimming(Wrapped):
    def sample(self, sample, request):
        if sample.stop == "length":
            return sample
        return replace(sample, tokens=sample.tokens[:-1], logprobs=sample.logprobs[:-1])


class BreaksStops(BrokenEngine):
    caught_by = "test_stops_say_why"
    session_class = Trimming


class MissingTheEnd(Wrapped):
    def sample(self, sample, request):
        return replace(sample, stop="length") if len(sample.tokens) == request.max_tokens else sample


class BreaksTheLastToken(BrokenEngine):
    caught_by = "test_end_of_sequence_on_the_last_allowed_token_is_seen"
    session_class = MissingTheEnd


class DeafToStrings(Wrapped):
    def submit(self, request):
        super().submit(replace(request, stop_strings=()))


class BreaksStopStrings(BrokenEngine):
    caught_by = "test_a_stop_string_ends_a_sample_after_the_token_that_completes_it"
    session_class = DeafToStrings


class Untruncated(Wrapped):
    def submit(self, request):
        super().submit(replace(request, top_p=1.0, top_k=0))


class BreaksTruncation(BrokenEngine):
    caught_by = "test_truncation_keeps_to_the_nucleus"
    session_class = Untruncated


class Hot(Wrapped):
    def submit(self, request):
        super().submit(replace(request, temperature=1.5 * request.temperature))


class BreaksTheDistribution(BrokenEngine):
    caught_by = "test_first_tokens_follow_the_models_distribution"
    session_class = Hot


class Stubborn(Wrapped):
    def sync(self, policy, version):
        """Takes the version and not the weights."""
        self.version = version

    def sample(self, sample, request):
        return replace(sample, version=vars(self).get("version", 0))


class BreaksSync(BrokenEngine):
    caught_by = "test_sync_takes_the_new_weights"
    session_class = Stubborn


class Unversioned(Wrapped):
    def sample(self, sample, request):
        return replace(sample, version=0)


class BreaksVersions(BrokenEngine):
    caught_by = "test_sync_takes_the_new_weights"
    session_class = Unversioned


class Repeating(Wrapped):
    def stats(self):
        stats = self.inner.stats()
        return replace(stats, encoded_tokens=8 * stats.encoded_tokens)


class BreaksSharing(BrokenEngine):
    caught_by = "test_samples_share_their_prefix"
    session_class = Repeating


class Persistent(Wrapped):
    def cancel(self, request_id):
        """Lets it run."""


class BreaksCancelling(BrokenEngine):
    caught_by = "test_a_cancelled_request_is_never_returned"
    session_class = Persistent


class Clipping(Wrapped):
    def submit(self, request):
        room = self.policy.max_length - len(request.prefix)
        super().submit(replace(request, max_tokens=min(request.max_tokens, room)))


class BreaksTheContext(BrokenEngine):
    caught_by = "test_a_request_beyond_the_context_is_refused"
    session_class = Clipping


class Uncounted(Wrapped):
    def stats(self):
        return replace(self.inner.stats(), decoded_tokens=0)


class BreaksCounters(BrokenEngine):
    caught_by = "test_decoded_tokens_are_counted"
    session_class = Uncounted


class Remembering(Wrapped):
    def forget(self):
        """Keeps every prefix."""


class BreaksForgetting(BrokenEngine):
    caught_by = "test_what_it_forgot_is_encoded_again"
    session_class = Remembering


class Unmeasured(Wrapped):
    def stats(self):
        return replace(self.inner.stats(), forward_tokens=0)


class BreaksTheMeter(BrokenEngine):
    caught_by = "test_tokens_through_the_model_are_counted"
    session_class = Unmeasured
