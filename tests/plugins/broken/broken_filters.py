"""Filters that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any, ClassVar

from dsk.core.roles import Filter
from dsk.testing import FilterContract

CALLS = count()
KEPT: list[Any] = []


class Sound(Filter):
    """Names responses of one repeated token: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def reason(self, tokens, text):
        return "one_token" if len(tokens) > 9 and len(set(tokens)) == 1 else None


class BrokenFilter(FilterContract):
    dropped = (((7,) * 100, "ha" * 100),)
    chosen: ClassVar[Filter]

    def make_filter(self):
        return self.chosen


class Strict(Sound):
    """Drops everything that is long."""

    def reason(self, tokens, text):
        return "long" if len(tokens) > 50 else None


class BreaksHonestAnswers(BrokenFilter):
    caught_by = "test_an_honest_wrong_answer_is_kept"
    chosen = Strict()


class Blind(Sound):
    """Keeps everything."""

    def reason(self, tokens, text):
        return None


class BreaksItsPurpose(BrokenFilter):
    caught_by = "test_what_it_is_for_is_named"
    chosen = Blind()


class Wordy(Sound):
    """A sentence instead of a code, which would become a metric's name."""

    def reason(self, tokens, text):
        return f"The text {text[:20]!r} repeats" if len(text) > 100 else super().reason(tokens, text)


class BreaksTheCode(BrokenFilter):
    caught_by = "test_any_response_gets_none_or_a_short_code"
    chosen = Wordy()


class Dividing(Sound):
    """Divides by the number of tokens."""

    def reason(self, tokens, text):
        return "wide" if len(text) / len(tokens) > 1e9 else super().reason(tokens, text)


class BreaksOnEmptyText(BrokenFilter):
    caught_by = "test_empty_endless_and_broken_text_gets_a_decision"
    chosen = Dividing()


class Encoding(Sound):
    """Encodes text that may hold lone surrogates."""

    def reason(self, tokens, text):
        text.encode()
        return super().reason(tokens, text)


class BreaksOnSurrogates(BrokenFilter):
    caught_by = "test_empty_endless_and_broken_text_gets_a_decision"
    chosen = Encoding()


class Counting(Sound):
    """Drops every other response."""

    def reason(self, tokens, text):
        return "turn" if next(CALLS) % 2 else None


class BreaksDeterminism(BrokenFilter):
    caught_by = "test_a_decision_depends_on_the_response_only"
    chosen = Counting()


class Consuming(Sound):
    """Empties the caller's list."""

    def reason(self, tokens, text):
        if isinstance(tokens, list):
            tokens.clear()
        return


class BreaksPurity(BrokenFilter):
    caught_by = "test_a_decision_depends_on_the_response_only"
    chosen = Consuming()


class MainThreadOnly(Sound):
    """Bound to one thread."""

    def reason(self, tokens, text):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("main thread only")
        return super().reason(tokens, text)


class BreaksThreads(BrokenFilter):
    caught_by = "test_threads_do_not_disturb_each_other"
    chosen = MainThreadOnly()


class Hoarding(Sound):
    """Keeps every response."""

    def reason(self, tokens, text):
        KEPT.append((list(tokens), text))
        return super().reason(tokens, text)


class BreaksMemory(BrokenFilter):
    caught_by = "test_nothing_is_kept_of_the_responses_it_has_seen"
    chosen = Hoarding()
