"""Every problem's history: what was measured, what solved it, and who stands out."""

from pathlib import Path
from typing import Any

import pytest

from dsk.core.run.records import write_jsonl
from dsk.report.history import SHOWN, held_out_histories, training_histories


def screened(folder: Path, round_: int, rates: dict[str, float]) -> None:
    rows = [{"id": name, "rate": rate, "tokens": 9, "version": round_} for name, rate in rates.items()]
    write_jsonl(folder / "rounds" / str(round_) / "screen.jsonl", rows)


def trained(step: int, **correct: int) -> dict[str, Any]:
    names = list(correct)
    return {
        "event": "groups", "step": step, "round": 0, "problems": names, "origins": ["search"] * len(names),
        "correct": list(correct.values()), "responses": [8] * len(names),
    }  # fmt: skip


@pytest.fixture
def found(tmp_path):
    screened(tmp_path, 0, {"easy": 1.0, "lost": 0.5, "learnt": 0.0, "searched": 0.0, "hopeless": 0.0})
    screened(tmp_path, 1, {"lost": 0.0, "learnt": 0.75, "searched": 0.0, "hopeless": 0.0})
    records = [trained(1, searched=0, hopeless=0), trained(2, searched=3, hopeless=0), trained(3, searched=1)]
    return training_histories(tmp_path, records, {"searched": "What is 1 + 1?"})


def test_problems_stand_where_their_rates_and_their_training_put_them(found):
    standing = {problem.id: problem.standing for problem in found.problems}
    assert standing == {
        "easy": "known", "lost": "forgotten", "learnt": "new", "searched": "new", "hopeless": "never",
    }  # fmt: skip
    assert found.counts == {"forgotten": 1, "never": 1, "new": 2, "known": 1}


def test_a_history_says_what_solved_a_problem_and_when(found):
    searched = next(problem for problem in found.problems if problem.id == "searched")
    assert (searched.trained, searched.solved_by, searched.first_solved) == (3, {"search": 2}, 2)
    assert searched.prompt == "What is 1 + 1?"


def test_a_round_that_did_not_measure_a_problem_leaves_a_gap(found):
    assert found.when == ["round 0", "round 1"]
    assert next(problem for problem in found.problems if problem.id == "easy").rates == [1.0, None]


def test_the_tenth_round_comes_after_the_second(tmp_path):
    for round_ in (10, 2):
        screened(tmp_path, round_, {"a": 0.0})
    assert training_histories(tmp_path, [], {}).when == ["round 2", "round 10"]


def test_many_problems_are_listed_in_part_with_some_of_every_standing(tmp_path):
    many = {f"easy {i}": 1.0 for i in range(3 * SHOWN)} | {f"never {i}": 0.0 for i in range(3 * SHOWN)}
    screened(tmp_path, 0, many)
    listed = training_histories(tmp_path, [], {})
    assert len(listed.problems) == SHOWN
    assert listed.of == 6 * SHOWN
    assert {problem.standing for problem in listed.problems} == {"known", "never"}


def test_held_out_problems_are_measured_by_every_evaluation(tmp_path):
    for when, rate in (("before", 0.5), ("step_4", 0.0)):
        write_jsonl(tmp_path / "rounds" / f"evaluation_{when}.jsonl", [{"id": "a", "rate": rate}])
    records = [{"event": "evaluation", "when": when} for when in ("before", "step_4")]
    found = held_out_histories(tmp_path, records)
    assert found.when == ["before", "step 4"]
    assert [(problem.rates, problem.standing) for problem in found.problems] == [([0.5, 0.0], "forgotten")]
