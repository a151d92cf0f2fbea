"""`arithmetic_steps` under the scorers' contract, and against traces whose right and wrong results are known."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.components.scorers.arithmetic_steps import ArithmeticSteps, rated, right_results
from dsk.components.tasks.arithmetic import draw_chain, write_prompt
from dsk.core.types import Problem
from dsk.testing.scorer import ScorerContract

PROBLEM = Problem("p", "Start at 85, modulo 100.\n1)-68\n2)-28\n3)+31\nResult?\n", "20")


class TestArithmeticSteps(ScorerContract):
    def make_scorer(self):
        return ArithmeticSteps()


def written(rng: random.Random, start: int, operands: tuple[int, ...]) -> tuple[str, list[tuple[int, bool]]]:
    """A trace, and of each of its results how many characters complete it and whether it is right.

    Errors stay: what is written after one goes on from it, unless two of them cancel.
    """
    value, right = start, start
    text, results = f"{start:02d}\n", [(3, True)]
    for number, operand in enumerate(operands, 1):
        right = (right + operand) % 100
        value = (value + operand + rng.choice([0, 0, 0, 10])) % 100
        text += f"{number}){operand:+d}" + rng.choice(["=", f":{rng.randrange(20):02d};"]) + f"{value:02d}"
        results.append((len(text), value == right))
        text += "\n"
    return text + f"\\boxed{{{value}}}", results


@given(st.integers(0, 10**9))
def test_a_step_is_right_where_all_results_up_to_it_are_and_silent_where_it_completes_none(seed):
    rng = random.Random(seed)
    start, operands = draw_chain(rng, 3, 12)
    problem = Problem("p", write_prompt(start, operands), str((start + sum(operands)) % 100))
    text, results = written(rng, start, operands)
    cuts = sorted(rng.sample(range(1, len(text)), 6))
    places = [0, *cuts, len(text)]
    steps = [text[first:last] for first, last in pairwise(places)]
    for number, (first, last) in enumerate(pairwise(places), 1):
        wrong = any(not right for end, right in results if end <= last)
        completes = any(first < end <= last for end, _ in results)
        expected = 0.0 if wrong else 1.0 if completes else None
        assert rated(problem, steps[:number]) == expected


def test_right_results_are_the_start_and_the_running_sums():
    assert right_results(PROBLEM) == [85, 17, 89, 20]


@pytest.mark.parametrize(
    ("steps", "score"),
    [
        (("85\n1)-68:17;17\n2)-28=89",), 1.0),
        (("85\n1)-68:17;17\n", "2)-28=91\n"), 0.0),
        (("85\n1)-68:17;17\n2)-28=91\n", "3)+3"), 0.0),
        (("85\n1)-68:17;17\n", "2)-28="), None),
        (("85\n1)-68:17;1", "7"), 1.0),
        (("84\n",), 0.0),
        (("8",), None),
        (("85\n4)+11=31",), 0.0),
    ],
)
def test_examples(steps, score):
    assert rated(PROBLEM, steps) == score


@pytest.mark.parametrize("prompt", ["What is 2+2?", "", ({"role": "user", "content": PROBLEM.prompt},)])
def test_problems_of_other_tasks_get_no_scores(prompt):
    with ArithmeticSteps().open() as session:
        assert session.rate([(Problem("q", prompt, "4"), ("85\n1)-68=17",))]) == [None]
