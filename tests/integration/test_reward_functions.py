"""The verifiers `function` and `weighted`: their contract, what a bad function is answered, and a run that is graded.

1. A function that hangs, eats memory or dies costs one response; one that raises or returns no share stops the run.
2. What cannot be imported or called is said in one line before anything is sampled.
3. Graded rewards are trained as 2 x score - 1, and only correct responses enter the cache.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from small_run import Letters, save_model
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.compare.runs import read_run
from dsk.components.verifiers import (
    BoxedVerifier,
    FunctionVerifier,
    LengthVerifier,
    NumericVerifier,
    WeightedVerifier,
)
from dsk.core.errors import SpecError, VerdictError, VerifierError
from dsk.core.rounds import run
from dsk.core.run.stored_groups import read_groups
from dsk.core.spec import RunSpec
from dsk.core.training.batch import prepare
from dsk.core.types import Problem, Verdict
from dsk.testing.verifier import VerifierContract

SOURCE = Path(__file__).with_name("reward_functions.py")
PARTIAL = (("4", "\\boxed{5}", 0.5), ("-7", "\\boxed{-8}", 0.5))
PROBLEM = Problem("p1", "q", "4", {"level": 3})


@pytest.fixture(autouse=True, scope="module")
def place(tmp_path_factory) -> Iterator[Path]:
    """A working folder with the functions in it."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copy(SOURCE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def function(name: str, **fields: Any) -> FunctionVerifier:
    return FunctionVerifier.model_validate({"reward": f"reward_functions:{name}", "workers": 1, **fields})


def verdict(name: str, response: str, problem: Problem = PROBLEM, **fields: Any) -> Verdict:
    with function(name, **fields).open() as session:
        return session.verify([(problem, response)])[0]


class TestFunction(VerifierContract):
    wrong = (("4", "2+2 is \\boxed{15}"), ("-7", "\\boxed{7}"), ("4", "no idea"))
    partial = PARTIAL

    def make_verifier(self) -> FunctionVerifier:
        return function("boxed", workers=2)


class TestWeighted(VerifierContract):
    wrong = (("4", "2+2 is \\boxed{15}"), ("-7", "\\boxed{7}"), ("4", "no idea"))
    partial = tuple((gold, response, 0.25 * score) for gold, response, score in PARTIAL)

    def make_verifier(self) -> WeightedVerifier:
        parts = [{"verifier": BoxedVerifier(), "weight": 3}, {"verifier": function("boxed", workers=2)}]
        return WeightedVerifier.model_validate({"parts": parts})


@pytest.mark.parametrize(("response", "reason"), [("hang", "timeout"), ("memory", "memory"), ("die", "died")])
def test_a_call_beyond_a_limit_scores_0_and_the_next_is_judged(response, reason):
    with function("misbehaving", cpu_limit=0.3).open() as session:
        first, second = session.verify([(PROBLEM, response), (PROBLEM, "else")])
    assert (first.correct, first.score, first.reason) == (False, 0.0, reason)
    assert second.score == 0.25


def test_a_function_that_always_ends_its_process_stops_the_run():
    with function("misbehaving").open() as session, pytest.raises(VerifierError, match="8 times in a row"):
        session.verify([(PROBLEM, "die")] * 8)


@pytest.mark.parametrize(("response", "score"), [("true", 1.0), ("whole", 1.0), ("nothing", 0.0), ("print", 0.25)])
def test_numbers_and_truth_values_are_scores_whatever_the_function_prints(response, score):
    assert verdict("misbehaving", response).score == score


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ("nan", r"nan \(float\)"), ("infinite", r"inf \(float\)"), ("text", r"'0\.5' \(str\)"),
        ("list", r"\[0\.5\] \(list\)"),
        ("none", r"None \(NoneType\)"), ("negative", r"-0\.1 \(float\)"), ("large", r"1\.5 \(float\)"), ("huge", "int"),
    ],
)  # fmt: skip
def test_anything_but_a_share_is_refused_by_name(response, found):
    with pytest.raises(
        VerdictError, match=f"'reward_functions:misbehaving' returned .*{found}.* problem 'p1'"
    ) as caught:
        verdict("misbehaving", response, on_error="wrong")
    assert (caught.value.exit_code, len(str(caught.value).splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("response", "found"), [("raise", "ValueError: could not convert"), ("leave", "SystemExit: 3")]
)
def test_a_function_that_raises_stops_the_run_or_scores_0_as_the_spec_says(response, found):
    with pytest.raises(VerdictError, match=rf"misbehaving' raised {found}.*\(reward_functions.py, line \d+\).*'p1'"):
        verdict("misbehaving", response)
    assert verdict("misbehaving", response, on_error="wrong") == Verdict(False, None, "raised", 0.0)


def test_the_function_gets_prompt_completion_answer_and_columns_as_they_are():
    asked = Problem("p", ({"role": "user", "content": "q"},), "4", {"level": 3, "tags": ["a"]})
    assert verdict("told", "r", asked).correct
    assert verdict("by_level", "r").score == 0.3
    with pytest.raises(
        VerdictError, match=r"needs 'level', which the problem has no column for \(its columns: source\)"
    ):
        verdict("by_level", "r", Problem("p2", "q", "4", {"source": "x"}))


@pytest.mark.parametrize(("threshold", "correct"), [(0.2, True), (0.25, True), (0.26, False), (1.0, False)])
def test_correct_is_a_score_of_at_least_the_threshold(threshold, correct):
    found = verdict("misbehaving", "else", threshold=threshold)
    assert (found.correct, found.score, found.reason) == (correct, 0.25, "reached" if correct else "below")


MODULES = {
    "broken.py": "import nosuchthing\n",
    "raising.py": "def f():\n    raise ValueError('bad day')\nf()\n",
    "syntax.py": "def f(:\n",
    "leaving.py": "import os\nos._exit(4)\n",
    "hanging.py": "while True:\n    pass\n",
    "loud.py": "import os\nprint('hello')\nos.write(1, b'x')\nf = len\n",
}
UNUSABLE = {
    "reward_function:boxed": "no module 'reward_function' in .* did you mean 'reward_functions'",
    "reward_functions:boxes": r"\(.*reward_functions.py\) has no function 'boxes'; did you mean 'boxed'",
    "reward_functions:LIMIT": r"is no function: 0\.5 \(float\)",
    "reward_functions:later": "is asynchronous",
    "reward_functions:placed": "takes 'completion' by its position only",
    "reward_functions.more:f": "no module 'reward_functions.more'",
    "broken:f": r"importing 'broken' raised ModuleNotFoundError: No module named 'nosuchthing' \(broken.py, line 1\)",
    "raising:f": r"importing 'raising' raised ValueError: bad day \(raising.py, line 2\)",
    "syntax:f": r"importing 'syntax' raised SyntaxError: invalid syntax \(syntax.py, line 1\)",
    "leaving:f": r"importing 'leaving' ended its process \(exit status 4\)",
    "hanging:f": "importing 'hanging' took longer than start_limit = 2 seconds",
    "loud:f": "takes 'obj' by its position only",
}


@pytest.mark.parametrize("reward", UNUSABLE)
def test_what_cannot_be_called_is_said_before_anything_is_sampled(reward, place):
    for name, text in MODULES.items():
        (place / name).write_text(text)
    verifier = FunctionVerifier.model_validate({"reward": reward, "start_limit": 2 if "hanging" in reward else 60})
    with pytest.raises(SpecError, match=f"^verifier.reward: .*{UNUSABLE[reward]}") as caught, verifier.open():
        pass
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["rewards.py:score", "rewards.score", "./rewards.py", "rewards:score()", "", "rewards"]
)
def test_a_name_of_another_form_is_refused(text):
    with pytest.raises(ValidationError, match="is not of the form module:function"):
        FunctionVerifier(reward=text)


def test_validate_names_the_function_that_is_not_there(tmp_path):
    absent = {"kind": "function", "reward": "no:f"}
    data = {
        "name": "t",
        "model": {"path": "bundled:tiny-reasoner", "device": "cpu"},
        "task": {"kind": "arithmetic", "train_problems": 2, "test_problems": 2},
        "verifier": {"kind": "weighted", "parts": [{"verifier": "math"}, {"verifier": absent}]},
    }
    (tmp_path / "spec.json").write_text(json.dumps(data))
    done = CliRunner().invoke(app, ["validate", str(tmp_path / "spec.json")])
    assert done.exit_code == 2
    assert "verifier 'weighted': parts.1: no module 'no' in" in " ".join(done.output.split())


def test_weights_are_those_of_scores_and_the_first_part_decides():
    parts = [{"verifier": NumericVerifier(), "weight": 0}, {"verifier": function("boxed"), "weight": 2}]
    with WeightedVerifier.model_validate({"parts": parts}).open() as session:
        found = session.verify([(PROBLEM, "\\boxed{4}"), (PROBLEM, "\\boxed{5}")])
    assert [(v.correct, v.score) for v in found] == [(True, 1.0), (False, 0.5)]
    assert found[1].reason == "different; numeric 0, function 0.5"


def test_an_identity_covers_all_parts_and_not_how_fast_they_are():
    def identity(workers: int, weight: float, threshold: float) -> str:
        judge = function("boxed", workers=workers, threshold=threshold)
        return WeightedVerifier.model_validate({"parts": [{"verifier": judge, "weight": weight}]}).identity

    assert identity(1, 1, 1) == identity(3, 1, 1)
    assert len({identity(1, 1, 1), identity(1, 2, 1), identity(1, 1, 0.5)}) == 3


def test_weights_of_0_are_refused():
    with pytest.raises(ValidationError, match="every weight is 0"):
        WeightedVerifier.model_validate({"parts": [{"verifier": "math", "weight": 0}]})


def graded_spec(model: Path) -> RunSpec:
    data = {
        "name": "graded",
        "model": {"path": str(model), "device": "cpu"},
        "task": Letters(),
        "verifier": function("digits"),
        "rewards": {"scale": "graded"},
        "filter": "none",
        "max_response_tokens": 12,
        "rollout": {"kind": "direct", "samples": 4},
        "admit": "all",
        "screen": {"samples": 2, "threshold": 1.0},
        "train": {"batch_problems": 8, "mini_batch_problems": 4, "micro_batch_tokens": 200, "advantage": "outcome"},
        "rounds": {"count": 2, "steps": 1},
        "evaluate": {"samples": 2, "hard_only": False},
    }
    return RunSpec.model_validate(data)


def test_a_graded_run_trains_three_tenths_as_minus_four_tenths(tmp_path):
    spec = graded_spec(save_model(tmp_path / "model"))
    done = run(spec, tmp_path / "run")
    groups = [g for file in sorted((tmp_path / "run" / "trees").glob("0*.jsonl.zst")) for g in read_groups(file)]
    members = [t for g in groups for t in g.trajectories]
    assert {(t.correct, t.reward) for t in members} == {(True, 1.0), (False, -0.4)}
    assert any(t.origin == "cached" for t in members)
    for group in groups:
        rewards = [1.0 if t.correct else -0.4 for t in group.trajectories]
        rows = prepare([group], spec.train, spec.soft_clip, spec.overlong, spec.max_response_tokens)
        mean = sum(rewards) / len(rewards)
        for row, reward in zip(rows, rewards, strict=True):
            assert row.advantages == pytest.approx(np.full(len(row.response), reward - mean), abs=1e-12)
            assert row.silent == (len(set(rewards)) == 1)
    for record in done.records:
        if record["event"] in ("evaluation", "screened"):
            share = record["pass_at_1" if record["event"] == "evaluation" else "mean_rate"]
            assert record["mean_score"] == pytest.approx(share + 0.3 * (1 - share))
    first = read_run(tmp_path / "run").evaluations[0]
    assert {p: r + 0.3 * (1 - r) for p, r in first.rates.items()} == pytest.approx(dict(first.scores))


def test_a_steps_record_has_the_mean_score_of_each_part(tmp_path):
    parts = [{"verifier": function("digits")}, {"verifier": LengthVerifier(free=0, most=40), "name": "brevity"}]
    weighted = WeightedVerifier.model_validate({"parts": parts})
    spec = graded_spec(save_model(tmp_path / "model")).model_copy(update={"verifier": weighted})
    done = run(spec, tmp_path / "run")
    steps = [record for record in done.records if record["event"] == "step"]
    fresh = [step for step in steps if step["replayed"] == 0]
    assert fresh
    for step in fresh:
        mean = (step["part_function"] + step["part_brevity"]) / 2
        assert 0 < step["part_brevity"] < 1
        assert step["group_reward"] == pytest.approx(2 * mean - 1)
