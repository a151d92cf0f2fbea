"""The arithmetic task: what its problems are, and that no split ever sees the other's."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dsk.components.tasks.arithmetic import Arithmetic, split_of

PROMPT = re.compile(r"Start at (\d\d), modulo 100\.\n((?:\d+\)[+-]\d\d\n)+)Result\?\n")


def solve(prompt: str) -> tuple[int, int]:
    """(answer, steps), from the text alone."""
    match = PROMPT.fullmatch(prompt)
    assert match is not None
    operands = [int(line.split(")")[1]) for line in match[2].split()]
    assert [line.split(")")[0] for line in match[2].split()] == [str(n) for n in range(1, len(operands) + 1)]
    return (int(match[1]) + sum(operands)) % 100, len(operands)


@given(seed=st.integers(0, 10**6), low=st.integers(3, 12), more=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_answers_follow_from_the_text_and_steps_stay_in_bounds(seed: int, low: int, more: int) -> None:
    high = min(low + more, 12)
    task = Arithmetic(seed=seed, min_steps=low, max_steps=high, train_problems=20, test_problems=20)
    for problem in [*task.problems("train"), *task.problems("test")]:
        answer, steps = solve(str(problem.prompt))
        assert problem.answer == str(answer)
        assert low <= steps <= high
        assert problem.meta["steps"] == steps


@given(seeds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)))
@settings(max_examples=20, deadline=None)
def test_no_train_problem_is_a_test_problem_of_any_seed(seeds: tuple[int, int]) -> None:
    train = Arithmetic(seed=seeds[0], train_problems=50).problems("train")
    test = Arithmetic(seed=seeds[1], test_problems=50).problems("test")
    assert {split_of(str(p.prompt)) for p in train} == {"train"}
    assert {split_of(str(p.prompt)) for p in test} == {"test"}


def test_problems_are_distinct_with_distinct_ids() -> None:
    problems = list(Arithmetic(train_problems=2000, min_steps=3, max_steps=3).problems("train"))
    assert len(problems) == len({p.prompt for p in problems}) == len({p.id for p in problems}) == 2000


def test_a_longer_list_starts_with_the_shorter_one() -> None:
    short, long = Arithmetic(train_problems=10), Arithmetic(train_problems=30)
    assert list(long.problems("train"))[:10] == list(short.problems("train"))
    assert long.identity == short.identity


def test_the_seed_decides_the_problems() -> None:
    def prompts(seed: int) -> list[object]:
        return [p.prompt for p in Arithmetic(seed=seed, test_problems=5).problems("test")]

    assert prompts(3) == prompts(3)
    assert prompts(3) != prompts(4)
    assert Arithmetic(seed=3).identity != Arithmetic(seed=4).identity


def test_no_test_problems_is_an_empty_split() -> None:
    assert list(Arithmetic(test_problems=0).problems("test")) == []


def test_more_steps_at_least_than_at_most_are_refused() -> None:
    with pytest.raises(ValidationError, match="min_steps 9 is larger than max_steps 5"):
        Arithmetic(min_steps=9, max_steps=5)
