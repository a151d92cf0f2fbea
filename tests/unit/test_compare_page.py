"""What a comparison's page says is what its table says."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import keep_groups, steady, write_run, write_search_run
from scripted_study import Scripted, conducted, study_of
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.compare.arms import Arm, group_runs
from dsk.compare.comparison import compare
from dsk.compare.page import Again, page_data, write_page
from dsk.compare.page.table import leading_number
from dsk.compare.runs import find_runs, read_run
from dsk.compare.table import figure_text, make_grid, verdict
from dsk.core.errors import DataError

UCT = ["rollout.selector.kind=uct"]
AGAIN = Again("dsk compare runs --html page.html")
HOSTILE = "</script><script>document.title='taken'</script>\u202e"


def read(place):
    return group_runs([read_run(folder) for folder in find_runs([place])])


@pytest.fixture
def trained(tmp_path):
    for seed in range(3):
        points = (0, 300, 800, 1000)
        write_run(tmp_path / f"full-{seed}", steady(0.3, seed), seed=seed, points=points)
        write_run(tmp_path / f"uct-{seed}", steady(0.9, seed), seed=seed, overrides=UCT, points=points)
    return tmp_path


@pytest.fixture
def searched(tmp_path):
    for seed in range(3):
        write_search_run(tmp_path / f"full-{seed}", 4.0, seed=seed)
        write_search_run(tmp_path / f"uct-{seed}", 3.0, seed=seed, overrides=UCT)
    return tmp_path


def both(place, **settings):
    arms = read(place)
    found = compare(arms, **settings)
    return found, page_data(found, arms, AGAIN)


@pytest.mark.parametrize("kind", ["trained", "searched"])
def test_every_cell_of_the_page_is_the_tables(request, kind):
    found, data = both(request.getfixturevalue(kind))
    grid = make_grid(found)
    assert [head["text"] for head in data["table"]["heads"]] == list(grid.heads)
    shown = [[(cell["text"], cell["bold"]) for cell in row] for row in data["table"]["rows"]]
    assert shown == [[(cell.text, cell.bold) for cell in row] for row in grid.rows]


@pytest.mark.parametrize("kind", ["trained", "searched"])
def test_estimates_differences_and_verdicts_are_those_of_the_comparison(request, kind):
    found, data = both(request.getfixturevalue(kind))
    for row, arm in zip(found.rows, data["arms"], strict=True):
        assert arm["name"] == row.arm
        for metric in found.metrics:
            estimate, shown = row.estimates[metric], arm["estimates"][metric]
            assert [shown[name] for name in ("mean", "low", "high")] == [estimate.mean, estimate.low, estimate.high]
            assert arm["verdicts"][metric] == verdict(found, row, metric)
            difference = row.differences.get(metric)
            assert (difference is None) == (metric not in arm["differences"])
            if difference:
                names = ("mean", "low", "high", "adjusted_p")
                assert [arm["differences"][metric][n] for n in names] == [getattr(difference, n) for n in names]


def test_seeds_by_themselves_have_the_estimates_as_their_means(trained):
    found, data = both(trained)
    for row, arm in zip(found.rows, data["arms"], strict=True):
        for metric in found.metrics:
            assert np.mean([value for _, value in arm["values"][metric]]) == pytest.approx(row.estimates[metric].mean)
            if metric in row.differences:
                pairs = [value for _, value in arm["pairs"][metric]]
                assert len(pairs) == 3
                assert np.mean(pairs) == pytest.approx(row.differences[metric].mean)


@pytest.mark.parametrize(("kind", "metric"), [("trained", "pass_at_1"), ("searched", "solved")])
def test_the_matrix_has_the_estimates_as_its_means_and_the_hardest_first(request, kind, metric):
    found, data = both(request.getfixturevalue(kind))
    split = data["problems"]["splits"][0]
    assert split["of"] == len(split["problems"]) > 0
    for index, row in enumerate(found.rows):
        rates = [problem["rates"][index] for problem in split["problems"]]
        assert np.mean(rates) == pytest.approx(row.estimates[metric].mean)
        for problem in split["problems"]:
            assert np.mean(problem["values"][index]) == pytest.approx(problem["rates"][index])
    difficulty = [np.mean(problem["rates"]) for problem in split["problems"]]
    assert difficulty == sorted(difficulty)


def test_curves_end_at_the_runs_means_and_shares_stay_within_0_and_1(trained):
    _, data = both(trained)
    for axis in ("model_tokens", "sampled_tokens", "seconds", "updates"):
        for arm in read(trained):
            curve = data["curves"]["pass_at_1"][axis][arm.name]
            ends = [run.evaluations[-1].figures["pass_at_1"] for run in arm.runs]
            assert curve["mean"][-1] == pytest.approx(np.mean(ends), rel=1e-5)
            assert curve["x"][-1] == pytest.approx(arm.runs[0].evaluations[-1].spent[axis], rel=1e-5)
            assert min(curve["low"]) >= 0
            assert max(curve["high"]) <= 1
            assert all(a <= b <= c for a, b, c in zip(curve["low"], curve["mean"], curve["high"], strict=True))


def test_runs_that_nobody_saw_the_middle_of_are_points(tmp_path):
    write_run(tmp_path / "a", steady(0.3, 0), points=(0, 1000))
    write_run(tmp_path / "b", steady(0.1, 0), points=(0, 1000), overrides=UCT)
    _, data = both(tmp_path)
    curve = data["curves"]["pass_at_1"]["model_tokens"]["a"]
    assert curve["points"]
    assert curve["x"] == [0, 1000]
    assert "low" not in curve


def test_a_search_has_no_curves_and_its_problems_are_those_searched(searched):
    _, data = both(searched)
    assert data["curves"] == {}
    assert [split["name"] for split in data["problems"]["splits"]] == ["searched"]


def test_held_out_problems_come_with_what_they_ask(trained):
    _, data = both(trained)
    split = data["problems"]["splits"][0]
    assert split["untold"] == ""
    assert all(problem["prompt"] and problem["answer"] for problem in split["problems"])


def test_a_task_that_is_not_here_costs_the_texts_and_nothing_else(trained):
    for place in trained.glob("*/spec.json"):
        spec = json.loads(place.read_text())
        spec["task"] = {"kind": "gone", "test_problems": 16}
        place.write_text(json.dumps(spec))
    _, data = both(trained)
    split = data["problems"]["splits"][0]
    assert "gone" in split["untold"]
    assert {problem["prompt"] for problem in split["problems"]} == {""}
    assert split["problems"][0]["rates"][0] is not None


def test_what_runs_kept_of_their_problems_is_shown_arm_beside_arm(trained):
    for run in read(trained)[0].runs + read(trained)[1].runs:
        keep_groups(run.folder, {"train-3": "2 + 5 = ?"})
    _, data = both(trained)
    held_out, practised = data["problems"]["splits"]
    assert (held_out["name"], practised["name"]) == ("held out", "trained on")
    assert [p["prompt"] for p in practised["problems"]] == ["2 + 5 = ?"]
    assert practised["problems"][0]["rates"] == [1.0, 1.0]
    example = data["problems"]["kept"]["examples"]["train-3"]
    assert set(example) == {"full", "uct"}
    assert [answer["correct"] for answer in example["uct"]["answers"]] == [True, False]


def test_a_damaged_group_costs_the_texts_and_is_said(trained):
    run = read(trained)[0].runs[0]
    keep_groups(run.folder, {"train-3": "2 + 5 = ?"})
    (run.folder / "trees" / "000000.jsonl.zst").write_bytes(b"no")
    _, data = both(trained)
    assert "000000.jsonl.zst" in data["problems"]["kept"]["untold"]


def test_what_names_and_problems_say_stays_text(trained, tmp_path):
    arms = [Arm(f"{arm.name}{HOSTILE}", arm.runs) for arm in read(trained)]
    keep_groups(arms[0].runs[0].folder, {HOSTILE: HOSTILE})
    place = tmp_path / "page.html"
    write_page(compare(arms, title=HOSTILE), arms, place, AGAIN)
    text = place.read_text()
    assert "document.title=" in text
    assert "<script>document" not in text


def test_a_tuned_study_says_what_each_arm_chose_among_what_and_what_that_cost(tmp_path):
    grid = {"grid": {"train.optimizer.lr": [0.01, 0.02]}, "seeds": [100, 101], "set": {"task.seed": 1}}
    study = study_of(arms={"full": {}, "uct": {"rollout.selector.kind": "uct"}}, baseline="full", tune=grid)
    done = conducted(study, tmp_path, Scripted(lambda run: steady(0.1 * (run.setting or 1), run.seed)))
    data = page_data(done.comparison, done.arms, AGAIN)
    assert data["tuned"] is True
    for arm in ("full", "uct"):
        told, choice = data["tuning"]["arms"][arm], done.comparison.tuning.choices[arm]
        assert [(t["setting"], t["chosen"]) for t in told["trials"]] == [("lr=0.01", False), ("lr=0.02", True)]
        assert [t["mean"] for t in told["trials"]] == [trial.mean for trial in choice.trials]
        assert (told["runs"], told["model_tokens"]) == (4, choice.model_tokens)


@given(st.floats(-1e6, 1e6), st.sampled_from(["pass_at_1", "tokens"]))
def test_a_column_is_sorted_by_the_number_that_its_cells_show(value, metric):
    text = figure_text(value, metric)
    assert leading_number(f"{text} [0.1, 0.2]") == pytest.approx(value, rel=0.006, abs=0.051)


@pytest.mark.parametrize(
    ("text", "number"), [("<0.001", 0.001), ("≥ 1,200 (1 of 3 never)", 1200), ("+3.1 [-2, 4]", 3.1), ("-", None)]
)
def test_bounds_signs_and_nothing_are_sorted_too(text, number):
    assert leading_number(text) == number


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--plot", "x.html"], "--html x.html"),
        (["--html", "x.png"], "--plot"),
        (["--html", "nowhere/x.html"], "no folder nowhere"),
    ],
)
def test_a_page_that_cannot_be_is_one_line(trained, options, told):
    result = CliRunner().invoke(app, ["compare", str(trained), *options])
    assert isinstance(result.exception, DataError)
    assert result.exception.exit_code == 2
    assert told in str(result.exception)


def test_the_command_writes_the_page_and_says_how_to_repeat_it(trained, tmp_path):
    page = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["compare", str(trained), "--baseline", "uct", "--at", "900", "--html", str(page)])
    assert result.exit_code == 0
    assert f"--baseline uct --at 900.0 --html {page}" in page.read_text()
