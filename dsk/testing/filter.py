"""`FilterContract`: subclass it, say how to make your filter, and pytest checks what every filter promises."""

from __future__ import annotations

import random
import re
from abc import abstractmethod
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Filter
from dsk.testing.component import ComponentContract, quick
from dsk.testing.hostile import hostile_responses
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

CODE = re.compile(r"[a-z][a-z0-9_]*")
TOKENS = st.lists(st.integers(0, 200_000), max_size=60)
Response = tuple[tuple[int, ...], str]


def honest_response() -> Response:
    """400 tokens of a plausible wrong answer."""
    rng = random.Random(0)
    words = [rng.choice(["the", "sum", "of", "x", "is", "then", "we", "find", str(n)]) for n in range(400)]
    return tuple(rng.randrange(500) for _ in words), " ".join(words)


class FilterContract(ComponentContract):
    """What every filter promises. Override `make_filter`; `dropped` are (tokens, text) that yours must name."""

    dropped: ClassVar[tuple[Response, ...]] = ()

    @abstractmethod
    def make_filter(self) -> Filter:
        """The filter under test; each call gives an equal one."""

    def component(self) -> Filter:
        """The filter."""
        return self.make_filter()

    def test_an_honest_wrong_answer_is_kept(self) -> None:
        assert self.make_filter().reason(*honest_response()) is None

    def test_what_it_is_for_is_named(self) -> None:
        kept = [text[:60] for tokens, text in self.dropped if self.make_filter().reason(tokens, text) is None]
        assert kept == []

    @given(tokens=TOKENS, text=hostile_responses(), repeats=st.sampled_from([1, 1, 50]))
    @quick
    def test_any_response_gets_none_or_a_short_code(self, tokens: list[int], text: str, repeats: int) -> None:
        reason = self.make_filter().reason(tokens * repeats, text * repeats)
        assert reason is None or (CODE.fullmatch(reason) and len(reason) <= 40)

    @pytest.mark.parametrize("tokens", [(), (0,), (1,) * 20_000])
    @pytest.mark.parametrize("text", ["", "\x00", "\ud800", "a" * 100_000, "{" * 50_000])
    def test_empty_endless_and_broken_text_gets_a_decision(self, tokens: tuple[int, ...], text: str) -> None:
        reason = self.make_filter().reason(tokens, text)
        assert reason is None or CODE.fullmatch(reason)

    @given(tokens=TOKENS, text=hostile_responses())
    @quick
    def test_a_decision_depends_on_the_response_only(self, tokens: list[int], text: str) -> None:
        kept, chosen = list(tokens), self.make_filter()
        with global_randomness_untouched():
            first = chosen.reason(tokens, text)
        chosen.reason([1, 2, 3], "another")
        assert first == chosen.reason(tokens, text) == self.make_filter().reason(tuple(tokens), text)
        assert tokens == kept

    def test_threads_do_not_disturb_each_other(self) -> None:
        chosen, (tokens, text) = self.make_filter(), honest_response()
        responses = [(tokens, text), *self.dropped, ((1,) * 500, "ha" * 500), ((), "")]

        def reasons(index: int) -> list[str | None]:
            return [chosen.reason(*responses[(n + index) % len(responses)]) for n in range(20)]

        assert in_threads(reasons) == [reasons(index) for index in range(16)]

    def test_nothing_is_kept_of_the_responses_it_has_seen(self) -> None:
        chosen = self.make_filter()
        assert retained_bytes(lambda n: chosen.reason(tuple(range(n, n + 80)), f"answer {n} " * 20)) < LEAK_BYTES
