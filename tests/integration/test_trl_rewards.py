"""TRL's reward functions as they are: lists in, a list out, chat-format completions, values of any range."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from dsk.components.verifiers import FunctionVerifier
from dsk.core.errors import VerdictError
from dsk.core.types import Problem

PROBLEM = Problem("p", "q", "4", {"solution": "4"})
CHAT = Problem("p", ({"role": "user", "content": "q"},), "4")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    shutil.copy(Path(__file__).with_name("trl_functions.py"), tmp_path)
    monkeypatch.chdir(tmp_path)


def score(name, response, problem=PROBLEM, **fields):
    spec = FunctionVerifier.model_validate({"reward": f"trl_functions:{name}", "workers": 1, **fields})
    with spec.open() as session:
        return session.verify([(problem, response)])[0].score


def test_columns_come_as_lists_and_the_value_is_the_score():
    assert (score("solved", " 4 "), score("solved", "5")) == (1.0, 0.0)


def test_completions_of_a_chat_prompt_are_messages():
    assert (score("chat", "4", CHAT), score("chat", "5", CHAT)) == (1.0, 0.0)


def test_any_range_becomes_a_score_from_0_to_1():
    assert score("length", "abcd", low=-8, high=0) == 0.5


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        ("length", {}, r"returned -1\.0 \(float\) .* from 0 to 1 \(verifier\.low, verifier\.high\)"),
        ("two", {}, r"returned \[0\.0, 1\.0\] \(list\) for one completion"),
    ],
)
def test_a_value_out_of_range_or_of_another_length_is_one_line(name, fields, told):
    with pytest.raises(VerdictError, match=told):
        score(name, "a", **fields)


def test_a_missing_column_is_named():
    with pytest.raises(VerdictError, match="needs 'solution', which the problem has no column for"):
        score("solved", "4", CHAT)


def test_a_range_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="low below high"):
        FunctionVerifier(reward="a:b", low=1, high=1)
