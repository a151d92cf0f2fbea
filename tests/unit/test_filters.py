"""Garbled and looping negatives are named; honest ones, also long or repetitive by nature, are kept."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.components.filters import GarbledFilter, NoFilter
from dsk.components.filters.garbled import repeated_share

RNG = random.Random(0)
HONEST = [RNG.randrange(500) for _ in range(2000)]
PROSE = " ".join(RNG.choice(["the", "sum", "of", "x", "is", "then", "we", "find", str(n)]) for n in range(2000))


def test_an_honest_sample_is_kept() -> None:
    assert GarbledFilter().reason(HONEST, PROSE) is None


@pytest.mark.parametrize("period", [1, 2, 7, 50, 300])
def test_a_loop_of_any_period_is_looping(period: int) -> None:
    assert GarbledFilter().reason(HONEST[:200] + (HONEST[:period] * 2000)[:2000], PROSE) == "looping"


def test_noise_is_garbled_however_short() -> None:
    assert GarbledFilter().reason([1], "\ufffd\ufffd ok") == "garbled"
    assert GarbledFilter().reason([1], "\ud800") == "garbled"


def test_compressible_text_is_named_when_its_tokens_vary() -> None:
    assert GarbledFilter().reason(HONEST, "ha" * 4000) == "compressible"


def test_short_samples_are_not_judged_for_repetition() -> None:
    assert GarbledFilter().reason([1] * 63, "1" * 63) is None


def test_other_scripts_and_mathematics_are_not_noise() -> None:
    assert GarbledFilter().reason([1], "∑ αβγ 数学 русский 🙂\n\t") is None


def test_thresholds_are_fields() -> None:
    lax = GarbledFilter(max_repeated=1.0, max_compression=10_000, max_noise=1.0)
    assert lax.reason([1] * 1000, "\ufffd" * 1000) is None


def test_none_keeps_everything() -> None:
    assert NoFilter().reason([1] * 1000, "\ufffd" * 1000) is None


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 5))
def test_repeated_share_matches_a_count_by_hand(tokens: list[int], n: int) -> None:
    seen: set[tuple[int, ...]] = set()
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    repeats = sum(gram in seen or bool(seen.add(gram)) for gram in grams)
    assert repeated_share(tokens, n) == pytest.approx(repeats / len(grams) if grams else 0.0)
