"""Which problems a step takes, how many responses each gets, and what replaces a group without signal."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from scripted_rounds import IdleTrainer, run_scripted, scripted_spec

from dsk.core.loading import parse_spec
from dsk.core.run.allocation import LEAST, MOST, allocate, value
from dsk.core.run.batches import Batches, signal
from dsk.core.run.stored_groups import read_groups
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
    assert [made.is_over(14, 4), made.is_over(0, 5)] == [False, True]


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


def direct(skill, **train):
    """Runs of direct responses over problems of the given chances, all of them in the hard set."""
    return scripted_spec(
        skill,
        0.0,
        rollout={"kind": "direct", "samples": 4},
        replay=None,
        screen={"samples": 4, "threshold": 1.0, **train.pop("screen", {})},
        train={"batch_problems": 2, "mini_batch_problems": 1, **train},
        rounds={"count": 1, "steps": 3},
    )


def groups_by_step(folder):
    return [read_groups(path) for path in sorted((folder / "trees").glob("*.jsonl.zst"))]


def test_groups_without_signal_are_replaced_by_further_problems_and_that_is_recorded(tmp_path):
    skill = [0.0, 1.0, 0.5, 0.5, 0.5, 0.0, 1.0, 0.5]
    plain = run_scripted(direct(skill), tmp_path / "plain")
    filled = run_scripted(direct(skill, refill=10), tmp_path / "filled")
    silent = [[not any(IdleTrainer().signals([g])) for g in step] for step in groups_by_step(tmp_path / "plain")]
    assert any(map(any, silent))
    for step in groups_by_step(tmp_path / "filled"):
        assert IdleTrainer().signals(step) == [True, True]
    refills = [record for record in filled.records if record["event"] == "refilled"]
    assert refills
    assert all(record["problems"] > record["groups"] for record in refills)
    assert not any(record["event"] == "refilled" for record in plain.records)
    assert filled.summary["sampled_tokens"] > plain.summary["sampled_tokens"]


def test_where_no_further_problem_has_signal_the_step_goes_on_with_what_it_has(tmp_path):
    filled = run_scripted(direct([0.0, 1.0, 0.0], refill=2), tmp_path)
    assert filled.summary["steps"] == 3
    assert all(step for step in groups_by_step(tmp_path))


def test_the_screenings_responses_are_members_of_a_problems_first_group_of_the_round_and_paid_for_once(tmp_path):
    skill = [0.5] * 4
    fresh = run_scripted(direct(skill), tmp_path / "fresh")
    reused = run_scripted(direct(skill, screen={"reuse": True}), tmp_path / "reused")
    first, second, third = groups_by_step(tmp_path / "reused")
    screened = {
        g.problem.id: g for g in read_groups(tmp_path / "reused" / "rounds" / "0" / "screened-000000.jsonl.zst")
    }
    for group in (*first, *second):  # the first pass
        kept = [t.tokens.tolist() for t in screened[group.problem.id].trajectories]
        assert [t.tokens.tolist() for t in group.trajectories] == kept
    for group in third:
        kept = [t.logprobs.tolist() for t in screened[group.problem.id].trajectories]
        assert [t.logprobs.tolist() for t in group.trajectories] != kept
    saved = fresh.summary["sampled_tokens"] - reused.summary["sampled_tokens"]
    assert saved == sum(len(t.tokens) for g in (*first, *second) for t in g.trajectories)


def test_allocated_groups_have_as_many_responses_in_all_and_more_where_both_outcomes_are_likely(tmp_path):
    skill = [0.5, 0.0, 0.5, 0.0]
    run_scripted(direct(skill, allocate="signal", batch_problems=4), tmp_path)
    sizes = {g.problem.id: len(g.trajectories) for g in groups_by_step(tmp_path)[0]}
    assert sum(sizes.values()) == 16
    assert min(sizes["p0"], sizes["p2"]) > max(sizes["p1"], sizes["p3"])
