"""Which problems a step takes, how many responses each gets, and what replaces a group without signal."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dsk.core.loading import parse_spec
from dsk.core.run.allocation import LEAST, MOST, allocate, value
from dsk.core.run.batches import Batches, signal
from dsk.core.types import Problem

GOOD = {"name": "t", "model": {"path": "m"}, "task": {"kind": "arithmetic"}}
RATES = st.sampled_from([0.0, 0.05, 0.125, 0.3, 0.5, 0.9, 1.0])


def batches(count=7, steps=0, size=3, order="shuffled", rates=None):
    train = {"batch_problems": size, "mini_batch_problems": 1, "order": order}
    spec = parse_spec(GOOD | {"train": train, "rounds": {"steps": steps}})
    return Batches(spec, 0, [Problem(f"p{n}", "", "") for n in range(count)], rates or {})


def test_a_pass_takes_every_problem_once_and_its_last_batch_may_be_smaller():
    made = batches()
    taken = [made.batch(drawn) for drawn in (0, 3, 6)]
    assert [len(batch) for batch in taken] == [3, 3, 1]
    assert sorted(p.id for batch in taken for p in batch) == [f"p{n}" for n in range(7)]
    assert [made.is_over(drawn, 0) for drawn in (0, 6, 7)] == [False, False, True]


def test_a_number_of_steps_goes_on_into_further_passes_each_in_its_own_order():
    made = batches(steps=5)
    first, second = made.further(0, 7), made.further(7, 7)
    assert {p.id for p in first} == {p.id for p in second}
    assert first != second
    assert made.further(5, 4) == first[5:] + second[:2]
    assert not made.is_over(14, 4) and made.is_over(0, 5)


def test_the_order_by_signal_begins_with_the_problems_that_have_most():
    rates = {f"p{n}": n / 6 for n in range(7)}
    taken = [signal(rates[p.id]) for p in batches(order="signal", rates=rates).further(0, 7)]
    assert taken == sorted(taken, reverse=True)


@given(st.lists(RATES, min_size=1, max_size=4), st.integers(0, 6))
def test_no_other_allocation_of_as_many_responses_is_worth_more(rates, extra):
    total = LEAST * len(rates) + extra
    sizes = allocate(rates, total)
    worth = sum(map(value, rates, sizes))
    options = (o for o in itertools.product(range(LEAST, LEAST + extra + 1), repeat=len(rates)) if sum(o) == total)
    assert sum(sizes) == total
    assert worth >= max(sum(map(value, rates, option)) for option in options) - 1e-12


@given(st.lists(RATES, min_size=1, max_size=5), st.integers(1, 900))
def test_sizes_stay_within_their_bounds_and_what_is_left_goes_to_the_unsolved(rates, total):
    sizes = allocate(rates, total)
    assert all(LEAST <= size <= MOST for size in sizes)
    assert sum(sizes) == min(max(total, LEAST * len(rates)), sum(sizes))
    if set(rates) == {0.0, 1.0} and total > LEAST * len(rates):
        assert all(size == LEAST for rate, size in zip(rates, sizes, strict=True) if rate == 1.0)
