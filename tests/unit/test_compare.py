"""Tables from finished, unfinished and broken runs."""

import csv
import io
import json
import re

import pytest
from run_folders import steady, write_run, write_search_run
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.compare.arms import group_runs
from dsk.compare.comparison import compare
from dsk.compare.differences import spec_differences
from dsk.compare.formats import to_csv, to_json, to_latex, to_markdown
from dsk.compare.plot import draw, pareto_front
from dsk.compare.runs import find_runs, read_run
from dsk.compare.table import make_grid
from dsk.core.errors import DataError

UCT = ["rollout.selector.kind=uct"]


def read(place):
    return group_runs([read_run(folder) for folder in find_runs([place])])


@pytest.fixture
def two_arms(tmp_path):
    for seed in range(3):
        write_run(tmp_path / f"full-{seed}", steady(0.3, seed), seed=seed)
        write_run(tmp_path / f"uct-{seed}", steady(0.1, seed), seed=seed, overrides=UCT, points=(0, 800, 2000))
    return tmp_path


def test_runs_that_differ_in_the_seed_alone_are_one_arm(two_arms):
    assert [(arm.name, len(arm.runs)) for arm in read(two_arms)] == [("full", 3), ("uct", 3)]


def test_arms_are_read_at_the_budget_that_all_reach_and_not_at_their_last_step(two_arms):
    found = compare(read(two_arms))
    assert found.amount == 1000
    for row in found.rows:
        assert row.spent["model_tokens"] == pytest.approx(1000)
        assert row.spent["sampled_tokens"] == pytest.approx(500)
        assert row.spent["seconds"] == pytest.approx(10)
    # rises by 0.1 per 1000 tokens and goes on to 2000
    assert found.rows[1].estimates["pass_at_1"].mean < 0.33


def test_a_reading_between_two_evaluations_is_interpolated_by_problem(tmp_path):
    write_run(tmp_path / "a", lambda problem, tokens: tokens / 4000, points=(0, 1000, 3000))
    write_run(tmp_path / "b", lambda problem, tokens: tokens / 8000, points=(0, 2000), overrides=UCT)
    a, b = compare(read(tmp_path)).rows
    assert a.estimates["pass_at_1"].mean == pytest.approx(0.5)
    assert b.estimates["pass_at_1"].mean == pytest.approx(0.25)


def test_the_fixed_budget_can_be_any_axis(two_arms):
    found = compare(read(two_arms), axis="updates", amount=8)
    assert {row.spent["updates"] for row in found.rows} == {8}
    assert found.rows[0].spent["model_tokens"] == pytest.approx(800)


def test_the_leader_is_bold_and_the_verdict_is_in_words(two_arms):
    found = compare(read(two_arms), baseline="uct")
    grid = make_grid(found)
    full, uct = grid.rows
    assert full[2].bold
    assert not uct[2].bold
    assert re.fullmatch(r"better by \d+\.\d points", full[grid.heads.index("verdict")].text)


def test_arms_within_chance_of_each_other_are_not_bold_and_not_distinguishable(tmp_path):
    for seed in range(3):
        write_run(tmp_path / f"a-{seed}", steady(0.1, seed, noise=0.1), seed=seed)
        write_run(tmp_path / f"b-{seed}", steady(0.1001, seed, noise=0.1), seed=seed, overrides=UCT)
    found = compare(read(tmp_path))
    grid = make_grid(found)
    assert not any(cell.bold for row in grid.rows for cell in row)
    assert grid.rows[1][grid.heads.index("verdict")].text == "not distinguishable at this budget"


FORMATS = {"markdown": to_markdown, "latex": to_latex, "csv": to_csv, "json": to_json}


@pytest.mark.parametrize("form", FORMATS)
def test_one_run_each_gets_no_verdict_no_p_value_and_nothing_bold(tmp_path, form):
    write_run(tmp_path / "a", steady(0.5, 0))
    write_run(tmp_path / "b", steady(0.1, 0), overrides=UCT)
    found = compare(read(tmp_path))
    text = FORMATS[form](found)
    assert re.search(
        r"one run each: these two models differ by -\d+\.\d points \[-\d+\.\d, -\d+\.\d\] on these pro", text
    )
    assert "runs of one setting differ among themselves" in text
    assert not found.best
    assert "**" not in text
    assert "textbf" not in text
    assert "p (Holm)" not in text
    assert "P(better)" not in text
    if form == "csv":
        (_, row) = csv.DictReader(io.StringIO(text))
        assert {row[f"pass_at_1_difference_{n}"] for n in ("p_value", "adjusted_p", "improvement")} == {""}
    if form == "json":
        difference = json.loads(text)["rows"][1]["differences"]["pass_at_1"]
        assert {difference[n] for n in ("p_value", "adjusted_p", "improvement")} == {None}


def test_one_common_seed_in_a_study_is_one_run_each(tmp_path):
    for seed in range(3):
        write_run(tmp_path / f"a-{seed}", steady(0.5, seed), seed=seed)
    write_run(tmp_path / "b", steady(0.1, 2), seed=2, overrides=UCT)
    grid = make_grid(compare(read(tmp_path)))
    assert grid.rows[1][grid.heads.index("verdict")].text.startswith("one run each: ")
    assert not any(cell.bold for row in grid.rows for cell in row)


def test_one_run_each_of_different_seeds_and_settings_is_described_and_not_judged(tmp_path):
    write_run(tmp_path / "a", steady(0.5, 0), seed=0)
    write_run(tmp_path / "b", steady(0.1, 1), seed=1, overrides=UCT)
    grid = make_grid(compare(read(tmp_path)))
    assert grid.rows[1][grid.heads.index("verdict")].text.startswith("one run each: these two models differ by -")


def test_runs_of_one_setting_are_one_arm_and_nothing_is_compared(tmp_path):
    write_run(tmp_path / "a", steady(0.5, 0), seed=0)
    write_run(tmp_path / "b", steady(0.1, 1), seed=1)
    grid = make_grid(compare(read(tmp_path)))
    assert len(grid.rows) == 1
    assert "one setting, whose 2 runs differ in nothing but the seed: no comparison" in grid.notes[1]


def test_two_runs_of_one_setting_and_seed_differ_in_nothing(tmp_path):
    for name in ("a", "b"):
        write_run(tmp_path / name, steady(0.5, 0))
    assert "b differs from a: in nothing that the specs say" in make_grid(compare(read(tmp_path))).notes


def test_what_lies_between_two_far_evaluations_is_not_read_as_a_curve(tmp_path):
    for seed in range(4):
        write_run(tmp_path / f"a-{seed}", steady(0.2, seed), seed=seed, points=(0, 500, 1000))
        write_run(tmp_path / f"b-{seed}", steady(0.3, seed), seed=seed, points=(0, 2000), overrides=UCT)
    found = compare(read(tmp_path))
    a, b = (row.estimates["pass_at_1"] for row in found.rows)
    # b may be anywhere from its first evaluation to its last
    assert b.low < 0.2
    assert b.high > 0.7
    assert b.high - b.low > 3 * (a.high - a.low)
    assert not found.rows[1].differences["pass_at_1"].distinguishable
    (line,) = found.warnings
    assert line.startswith("no evaluation within 10% of the budget: b (seed 0, 1, 2, 3); each is read on the line")


def test_an_evaluation_near_the_budget_is_enough(tmp_path):
    for seed in range(3):
        write_run(tmp_path / f"a-{seed}", steady(0.1, seed), seed=seed, points=(0, 1000))
        write_run(tmp_path / f"b-{seed}", steady(0.4, seed), seed=seed, points=(0, 1090), overrides=UCT)
    found = compare(read(tmp_path))
    assert found.warnings == ()
    assert found.rows[1].differences["pass_at_1"].distinguishable


def test_what_screening_took_is_a_column_and_can_be_left_out_of_the_budget(tmp_path):
    for name, share, overrides in (("a", 0.1, ()), ("b", 0.5, UCT)):
        write_run(tmp_path / name, steady(0.2, 0), overrides=overrides, points=(0, 500, 1000), screening=share)
    grid = make_grid(compare(read(tmp_path)))
    assert [row[grid.heads.index("screening %")].text for row in grid.rows] == ["10.0", "50.0"]
    found = compare(read(tmp_path), axis="unscreened_tokens")
    assert found.amount == 500
    assert [row.spent["model_tokens"] for row in found.rows] == pytest.approx([555.6, 1000], abs=0.1)
    assert "Every arm at 500 model tokens without screening" in make_grid(found).notes[1]


def test_runs_that_did_not_count_screening_show_none_and_cannot_leave_it_out(two_arms):
    grid = make_grid(compare(read(two_arms)))
    assert {row[grid.heads.index("screening %")].text for row in grid.rows} == {"-"}
    with pytest.raises(DataError, match="does not say what it spent on screening"):
        compare(read(two_arms), axis="unscreened_tokens")


def test_what_differs_comes_from_the_resolved_specs(two_arms):
    row = compare(read(two_arms)).rows[1]
    (line,) = row.differs
    assert line.startswith("rollout.selector: frontier(")
    assert "-> uct(exploration=2.0)" in line


def test_a_part_of_another_kind_shows_only_what_the_two_do_not_share():
    spec = {"loss": {"kind": "grpo", "clip_low": 0.2, "aggregation": "sequence_mean"}}
    other = {"loss": {"kind": "tree_grpo", "clip_low": 0.2, "aggregation": "token_mean"}}
    (line,) = spec_differences(spec, other)
    assert line == "loss: grpo(aggregation=sequence_mean) -> tree_grpo(aggregation=token_mean)"


def test_other_differences_are_warned_about(tmp_path):
    write_run(tmp_path / "a", steady(0.1, 0))
    write_run(tmp_path / "b", steady(0.2, 0), overrides=UCT, versions={"torch": "2.14.0"})
    assert compare(read(tmp_path)).warnings == ("torch differs: 2.13.0 in a; 2.14.0 in b",)


def test_a_failed_run_is_shown_with_its_reason_and_the_table_still_stands(two_arms):
    (two_arms / "uct-1" / "status.json").write_text(json.dumps({"status": "failed", "reason": "out of memory\nmore"}))
    (two_arms / "uct-1" / "events.jsonl").write_text("")
    found = compare(read(two_arms))
    assert found.rows[1].seeds == (0, 2)
    assert found.rows[1].trouble == ("seed 1: failed: out of memory, not in the table",)
    assert any("differences are on the common seeds: 0, 2" in line for line in found.warnings)


def test_an_arm_without_any_result_is_shown_as_failed_with_the_reason(two_arms):
    for seed in range(3):
        folder = two_arms / f"uct-{seed}"
        (folder / "status.json").write_text(json.dumps({"status": "failed", "reason": "no weights"}))
        (folder / "events.jsonl").write_text("")
    grid = make_grid(compare(read(two_arms)))
    assert grid.rows[1][grid.heads.index("verdict")].text == "failed"
    assert "uct: seed 0, 1, 2: failed: no weights, not in the table" in grid.notes


def test_an_unfinished_run_lowers_the_budget_and_says_so(two_arms):
    write_run(
        two_arms / "uct-3", steady(0.1, 3), seed=3, overrides=UCT, points=(0, 600), status={"status": "interrupted"}
    )
    found = compare(read(two_arms), amount=1000)
    assert found.amount == 600
    assert "uct-3 (interrupted) got no further" in found.warnings[0]


def test_problems_that_one_arm_lacks_are_left_out_of_the_pair_aloud(tmp_path):
    write_run(tmp_path / "a", steady(0.1, 0))
    write_run(tmp_path / "b", steady(0.1, 0), overrides=UCT, problems=12)
    found = compare(read(tmp_path))
    assert found.rows[1].differences["pass_at_1"].problems == 12
    assert "differences are on the 12 of 16 problems that both have" in found.warnings[0]


def test_runs_of_different_tasks_are_refused(tmp_path):
    write_run(tmp_path / "a", steady(0.1, 0))
    write_run(tmp_path / "b", steady(0.1, 0), overrides=["task.min_steps=5"])
    with pytest.raises(DataError, match=r"different tasks \(task.min_steps: 4 -> 5\)"):
        compare(read(tmp_path))


def test_runs_of_one_task_may_train_on_different_amounts_of_data(tmp_path):
    write_run(tmp_path / "a", steady(0.1, 0))
    write_run(tmp_path / "b", steady(0.1, 0), overrides=["task.train_problems=64"])
    assert compare(read(tmp_path)).rows[1].differs == ("task.train_problems: 512 -> 64",)


def test_an_unknown_metric_names_those_there_are(two_arms):
    with pytest.raises(DataError, match=r"no run has the metric 'pass_at1'; there are: pass_at_1, truncated.*mean"):
        compare(read(two_arms), metrics=["pass_at1"])


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(DataError, match="no run in this folder"):
        find_runs([tmp_path])
    with pytest.raises(DataError, match="no such folder"):
        find_runs([tmp_path / "nothing"])


def test_runs_that_have_no_result_yet_are_named(tmp_path):
    write_run(tmp_path / "a", steady(0.1, 0), points=(0,), status={"status": "failed", "reason": "boom"})
    with pytest.raises(DataError, match=r"no run has a result to compare yet: a \(failed: boom\)"):
        compare(read(tmp_path))


def test_what_a_resume_rolled_back_is_not_read(two_arms):
    events = two_arms / "full-0" / "events.jsonl"
    lines = events.read_text().splitlines()
    late = json.loads(lines[-1]) | {"seq": len(lines), "model_tokens": 99999}
    resumed = {"event": "resumed", "seq": len(lines) + 1, "time": 0, "from_seq": len(lines)}
    events.write_text("\n".join([*lines, json.dumps(late), json.dumps(resumed)]) + "\n")
    assert max(e.spent["model_tokens"] for e in read_run(two_arms / "full-0").evaluations) == 1000


def test_search_runs_show_the_columns_of_table_3(tmp_path):
    for seed in range(2):
        write_search_run(tmp_path / f"a-{seed}", 3, seed=seed)
        write_search_run(tmp_path / f"b-{seed}", 5, seed=seed, overrides=UCT)
    found = compare(read(tmp_path), metrics=["depth", "iterations", "seconds_per_tree", "tokens_to_first_solution"])
    assert found.rows[1].differences["depth"].mean == pytest.approx(2)
    # the four solved trees took 100 tokens each, the others do not count
    assert found.rows[0].estimates["tokens_to_first_solution"].mean == 100
    assert found.rows[0].estimates["tokens_to_first_solution"].problems == 4


def test_markdown_columns_line_up(two_arms):
    lines = [line for line in to_markdown(compare(read(two_arms), title="T")).splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({tuple(i for i, c in enumerate(line) if c == "|") for line in lines}) == 1


def test_latex_is_balanced_escaped_ascii_with_as_many_cells_as_columns(tmp_path):
    for seed in range(2):
        write_run(tmp_path / f"a_b-{seed}", steady(0.1, seed), seed=seed)
    text = to_latex(compare(read(tmp_path), title="λ & 50% of #1_{x} ∞"))
    assert text.isascii()
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert re.sub(r"\\[{}]", "", code).count("{") == re.sub(r"\\[{}]", "", code).count("}")
    columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", code)[1])
    rows = [line for line in code.splitlines() if line.endswith(r"\\")]
    assert all(len(re.split(r"(?<!\\)&", row)) == columns for row in rows)
    assert not re.search(r"(?<!\\)[_%#]", code)


def test_csv_and_json_hold_the_same_figures(two_arms):
    found = compare(read(two_arms))
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    data = json.loads(to_json(found))
    assert [r["arm"] for r in rows] == ["full", "uct"] == [r["arm"] for r in data["rows"]]
    assert float(rows[1]["pass_at_1_mean"]) == data["rows"][1]["estimates"]["pass_at_1"]["mean"]
    assert rows[1]["verdict"] == data["rows"][1]["verdict"]


def test_the_pareto_front_leaves_out_what_costs_more_for_less():
    assert pareto_front([(3, 5), (1, 2), (2, 1), (3, 4), (4, 5)]) == [(1, 2), (3, 5)]


def test_error_bars_and_bands_stay_between_nothing_and_everything_and_two_points_are_no_line(tmp_path, monkeypatch):
    figures = pytest.importorskip("matplotlib.figure")
    drawn = []
    monkeypatch.setattr(figures.Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    for seed in range(3):
        steep = (0.0, 0.03 * seed, 1.0 - 0.02 * seed)
        write_run(
            tmp_path / f"a-{seed}",
            lambda problem, tokens, s=steep: s[int(tokens // 500)],
            seed=seed,
            points=(0, 500, 1000),
        )
        write_run(tmp_path / f"b-{seed}", lambda problem, tokens: 1.0, seed=seed, points=(0, 1000), overrides=UCT)
    arms = read(tmp_path)
    draw(compare(arms), arms, tmp_path / "p.png")
    panels = drawn[0].axes
    ends = [y for panel in panels for c in panel.collections for path in c.get_paths() for y in path.vertices[:, 1]]
    ends += [
        y for panel in panels for c in panel.containers for bar in c[2] for s in bar.get_segments() for y in s[:, 1]
    ]
    assert ends
    assert min(ends) >= 0
    assert max(ends) <= 100
    lines = {line.get_label(): line for line in panels[0].lines}
    assert lines["a"].get_linestyle() == "-"
    assert lines["b"].get_linestyle() == "None"


@pytest.mark.parametrize(("name", "start"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml")])
def test_plots_are_pictures(two_arms, name, start):
    pytest.importorskip("matplotlib")
    arms = read(two_arms)
    draw(compare(arms), arms, two_arms / name)
    assert (two_arms / name).read_bytes().startswith(start)


def test_the_command_prints_to_stdout_nothing_but_the_asked_format(two_arms):
    result = CliRunner().invoke(app, ["compare", str(two_arms), "--format", "json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["baseline"] == "full"
