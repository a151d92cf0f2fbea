"""Every arm gets as many settings to try, on seeds and problems that the table never sees, and takes the best along."""

import json
import random

import pytest
from run_folders import steady
from scripted_study import BASE, BUDGET, Scripted, conducted, study_of

from dsk.compare.conduct import Conductor, plan_lines
from dsk.compare.formats import to_csv, to_json, to_latex, to_markdown
from dsk.compare.planning import plan_runs, plan_tuning
from dsk.compare.plot import draw
from dsk.compare.runs import find_runs
from dsk.compare.table import heading, make_grid
from dsk.core.errors import DataError, InterruptedRun, SpecError

LR, WIDTH, EXPLORATION = "train.optimizer.lr", "rollout.width", "rollout.selector.exploration"
TUNE = {"grid": {LR: [0.1, 0.2]}, "seeds": [100, 101], "set": {"task.seed": 1}}
ARMS = {"a": {}, "b": {WIDTH: 2}}


def by_lr(best):
    """Runs whose slope is greatest at their arm's best learning rate."""

    def curve(run):
        return steady(0.5 if run.spec.train.optimizer.lr == best[run.arm] else 0.1, run.seed)

    return curve


def test_tuning_runs_have_settings_seeds_and_problems_of_their_own(tmp_path):
    study = study_of(arms=ARMS, tune=TUNE)
    tried = plan_tuning(study, "study.json", tmp_path)
    table = plan_runs(study, "study.json", tmp_path)
    assert len(tried) == 2 * 2 * 2
    assert tried[0].folder == tmp_path / "s" / "tuning" / "a" / "setting-1" / "seed-100"
    assert [(r.setting, r.spec.train.optimizer.lr) for r in tried[:2]] == [(1, 0.1), (2, 0.2)]
    assert {r.spec.dump()["task"]["seed"] for r in tried} == {1}
    assert {r.seed for r in tried}.isdisjoint(r.seed for r in table)
    assert {r.spec.rounds.max_model_tokens for r in tried} == {1000}


def test_a_tuning_run_may_have_a_budget_of_its_own(tmp_path):
    tried = plan_tuning(study_of(arms=ARMS, tune=TUNE | {"amount": 400}), "study.json", tmp_path)
    assert {r.spec.rounds.max_model_tokens for r in tried} == {400}


def test_an_arms_own_grid_is_combined_with_the_one_for_all(tmp_path):
    own = {"a": {EXPLORATION: [1.0, 2.0]}, "b": [{WIDTH: 2}, {WIDTH: 4}]}
    study = study_of(arms={"a": {"rollout.selector.kind": "uct"}, "b": {}}, tune=TUNE | {"arms": own})
    assert study.tune.settings("a") == [
        {LR: 0.1, EXPLORATION: 1.0}, {LR: 0.1, EXPLORATION: 2.0}, {LR: 0.2, EXPLORATION: 1.0},
        {LR: 0.2, EXPLORATION: 2.0},
    ]  # fmt: skip
    assert len(plan_tuning(study, "study.json", tmp_path)) == 2 * 4 * 2


def test_each_arm_takes_its_best_setting_into_the_table(tmp_path):
    scripted = Scripted(by_lr({"a": 0.1, "b": 0.2}))
    found = conducted(study_of(arms=ARMS, tune=TUNE), tmp_path, scripted).comparison
    chosen = {arm: dict(choice.overrides) for arm, choice in found.tuning.choices.items()}
    assert chosen == {"a": {LR: 0.1}, "b": {LR: 0.2}}
    table = [run for run in scripted.ran if run.setting is None]
    assert {(run.arm, run.spec.train.optimizer.lr) for run in table} == {("a", 0.1), ("b", 0.2)}
    assert {run.spec.rollout.width for run in table if run.arm == "b"} == {2}
    assert {run.spec.dump()["task"]["seed"] for run in table} == {0}


def test_ties_go_to_the_setting_that_was_listed_first(tmp_path):
    found = conducted(
        study_of(arms=ARMS, tune=TUNE), tmp_path, Scripted(lambda run: lambda problem, tokens: tokens / 2000)
    )
    assert {choice.setting for choice in found.comparison.tuning.choices.values()} == {0}


def test_what_flattered_the_choice_is_not_in_the_table(tmp_path):
    """Settings that do not differ: the best of eight tuning means is too high, the table's mean is not."""

    def curve(run):
        level = random.Random(run.label).gauss(0.5, 0.1)
        return lambda problem, tokens: min(max(level * tokens / 1000, 0), 1)

    tune = TUNE | {"grid": {LR: [0.1 * n for n in range(1, 9)]}, "seeds": [100]}
    found = conducted(study_of(arms=ARMS, seeds=list(range(12)), tune=tune), tmp_path, Scripted(curve)).comparison
    for row in found.rows:
        choice = found.tuning.choices[row.arm]
        assert choice.trials[choice.setting].mean > 0.55
        assert row.estimates["pass_at_1"].mean == pytest.approx(0.5, abs=0.08)
        assert row.seeds == tuple(range(12))


def test_a_setting_with_a_failed_run_is_not_chosen_and_says_why(tmp_path):
    scripted = Scripted(by_lr({"a": 0.1, "b": 0.1}), fail=["a, setting 1, seed 101"])
    found = conducted(study_of(arms=ARMS, tune=TUNE), tmp_path, scripted).comparison
    assert [c.setting for c in found.tuning.choices.values()] == [1, 0]
    assert any("a chose lr=0.2 (lr=0.1: seed 101 failed: boom; lr=0.2: " in note for note in make_grid(found).notes)


def test_an_arm_of_which_no_setting_ran_is_named(tmp_path):
    failed = [f"a, setting {n}, seed 100" for n in (1, 2)]
    with pytest.raises(DataError, match=r"tuning: no setting of arm 'a' has a result: seed 100 failed: boom"):
        conducted(study_of(arms=ARMS, tune=TUNE), tmp_path, Scripted(by_lr({"a": 1, "b": 1}), fail=failed))


def test_a_finished_study_is_read_again_without_running_anything(tmp_path):
    study, curve = study_of(arms=ARMS, tune=TUNE), by_lr({"a": 0.1, "b": 0.2})
    first = conducted(study, tmp_path, Scripted(curve))
    again = Scripted(curve)
    assert conducted(study, tmp_path, again).comparison == first.comparison
    assert again.ran == []


def test_unfinished_tuning_is_not_chosen_from(tmp_path):
    scripted = Scripted(by_lr({"a": 0.1, "b": 0.1}))
    scripted.run(plan_tuning(study_of(arms=ARMS, tune=TUNE), "study.json", tmp_path)[:5])
    conductor = Conductor(study_of(arms=ARMS, tune=TUNE), "study.json", tmp_path, print, {})
    with pytest.raises(DataError, match="tuning is not finished: 3 of 8 runs to do, the first "):
        conductor.conduct(None)


def test_the_table_shows_what_was_chosen_and_what_it_cost(tmp_path):
    found = conducted(study_of(arms=ARMS, tune=TUNE), tmp_path, Scripted(by_lr({"a": 0.1, "b": 0.2}))).comparison
    grid = make_grid(found)
    columns = [grid.heads.index(head) for head in ("chosen", "tuning runs", "tuning tokens")]
    shown = [[row[column].text for column in columns] for row in grid.rows]
    assert shown == [["lr=0.1", "4", "4,000"], ["lr=0.2", "4", "4,000"]]
    assert to_csv(found).splitlines()[1].count("lr=0.1") == 1
    data = json.loads(to_json(found))
    assert data["tuning"]["choices"]["b"]["setting"] == 1
    assert data["tuned"] is True


@pytest.mark.parametrize("form", [to_markdown, to_latex])
def test_a_study_that_was_not_tuned_says_so_in_its_title(tmp_path, form):
    untuned = conducted(study_of(arms=ARMS, question="Which?"), tmp_path / "u", Scripted(lambda r: steady(0.3, r.seed)))
    tuned = conducted(
        study_of(arms=ARMS, question="Which?", tune=TUNE), tmp_path / "t", Scripted(by_lr({"a": 0.1, "b": 0.2}))
    )
    assert "Which? (untuned)" in form(untuned.comparison)
    assert "Which? (tuned)" in form(tuned.comparison)
    assert heading(tuned.comparison) == "Which? (tuned)"


def test_a_plot_of_a_study_that_was_not_tuned_says_so(tmp_path):
    pytest.importorskip("matplotlib")
    done = conducted(study_of(arms=ARMS, question="Which?"), tmp_path / "u", Scripted(lambda r: steady(0.3, r.seed)))
    draw(done.comparison, done.arms, tmp_path / "p.svg")
    assert "<!-- Which? (untuned) -->" in (tmp_path / "p.svg").read_text()


def test_tuning_runs_are_no_arms_when_a_studys_folder_is_compared(tmp_path):
    conducted(study_of(arms=ARMS, tune=TUNE), tmp_path, Scripted(by_lr({"a": 0.1, "b": 0.2})))
    assert len(find_runs([tmp_path / "s"])) == 2 * 3
    assert len(find_runs([tmp_path / "s" / "tuning" / "a"])) == 4


def test_the_plan_says_how_many_runs_and_tokens_it_is_in_all():
    lines = plan_lines(study_of(arms=ARMS, tune=TUNE | {"amount": 500}, resolution=4, max_seeds=10))
    assert lines == [
        "tuning: 2 arms x 2 settings x 2 seeds = 8 runs, 4,000 model tokens",
        "table: 2 arms x 3 seeds = 6 runs, 6,000 model tokens; seeds are added until intervals are narrow enough,"
        " up to 10 (20 runs)",
        "in all: 14 runs, 10,000 model tokens, at most 28 runs, 24,000 model tokens",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tune": TUNE | {"arms": {"a": {EXPLORATION: [1, 2]}}}}, r"unequal tuning \(settings: a 4, b 2\); give every"),
        ({"tune": TUNE | {"arms": {"c": {EXPLORATION: [1, 2]}}}}, r"tune.arms: 'c' is no arm; arms: a, b"),
        ({"tune": TUNE | {"arms": {"a": {LR: [1, 2]}}}}, r"'train.optimizer.lr' is in the grid and in that of arm 'a'"),
        ({"tune": TUNE | {"grid": {LR: [0.1]}}}, "one setting an arm leaves nothing to choose from"),
        ({"tune": TUNE | {"grid": {LR: []}}}, "a path has no values"),
        ({"tune": TUNE | {"seeds": [2, 100]}}, "tune.seeds: 2 are the table's seeds too"),
        ({"tune": TUNE | {"seeds": [100, 100]}}, "seeds repeat"),
        ({"tune": TUNE, "budget": None}, "tune: needs a `budget`"),
        ({"tune": TUNE, "mode": "search"}, "mode 'search' trains nothing"),
        ({"tune": TUNE, "arms": {"tuning": {}}}, "arm 'tuning': its folder is where tuning runs are kept"),
    ],
)  # fmt: skip
def test_wrong_tuning_is_one_clear_line(fields, message):
    with pytest.raises(SpecError, match=message) as caught:
        study_of(**{"arms": ARMS} | fields)
    assert len(caught.value.problems) == 1


def test_a_wrong_value_of_a_grid_names_the_setting(tmp_path):
    with pytest.raises(SpecError, match=r"arms.a, setting 2: train.optimizer.lr: .*greater than 0"):
        plan_tuning(study_of(arms=ARMS, tune=TUNE | {"grid": {LR: [0.1, -1]}}), "study.json", tmp_path)


def test_settings_that_are_the_same_are_refused(tmp_path):
    with pytest.raises(SpecError, match="'a, setting 1' and 'a, setting 2' resolve to the same spec"):
        plan_tuning(study_of(arms=ARMS, tune=TUNE | {"grid": {LR: [0.1, 0.1]}}), "study.json", tmp_path)


def test_tuning_on_the_tables_problems_is_refused_with_their_number_and_an_example(tmp_path):
    study = study_of(arms=ARMS, tune=TUNE | {"set": {}})
    with pytest.raises(SpecError, match=r"study.json: tune: 16 of the table's test problems are tuning's test problems"
                       r" too, such as 'Start at .*'; give tuning other problems by `tune.set`"):  # fmt: skip
        Conductor(study, "study.json", tmp_path, print, {})


def rows_file(path, prompts):
    path.write_text("".join(json.dumps({"problem": p, "answer": "1"}) + "\n" for p in prompts))
    return str(path)


@pytest.mark.parametrize(
    ("train", "test", "line"),
    [
        (["t2", "e1 "], ["e9"], "1 of the table's test problems are tuning's training problems too, such as 'e1'"),
        (["t2"], ["e9", "t1"], "1 of tuning's test problems are the table's training problems too, such as 't1'"),
        (["t2"], ["e9", "e2"], "1 of the table's test problems are tuning's test problems too, such as 'e2'"),
    ],
)  # fmt: skip
def test_what_one_is_judged_on_the_other_may_not_train_on(tmp_path, train, test, line):
    task = {"kind": "jsonl", "train": rows_file(tmp_path / "train.jsonl", ["t1"]),
            "test": rows_file(tmp_path / "test.jsonl", ["e1", "e2"])}  # fmt: skip
    other = {"task.train": rows_file(tmp_path / "train2.jsonl", train),
             "task.test": rows_file(tmp_path / "test2.jsonl", test)}  # fmt: skip
    study = study_of(base=BASE | {"task": task}, arms=ARMS, tune=TUNE | {"set": other})
    with pytest.raises(SpecError, match=line):
        Conductor(study, "study.json", tmp_path / "runs", print, {})


def test_a_budget_below_the_first_evaluation_is_refused(tmp_path):
    scripted = Scripted(lambda run: steady(0.3, run.seed), points=(0, 500, 1000))
    with pytest.raises(DataError, match=r"budget: 100 model tokens is below the first evaluation of 'a' after it began"
                       r" to train, at 500; ask for that much, or for a smaller `evaluate.every`"):  # fmt: skip
        conducted(study_of(arms=ARMS, budget=BUDGET | {"amount": 100}), tmp_path, scripted)


@pytest.mark.parametrize("after", [3, 8, 11])
def test_a_study_that_is_interrupted_anywhere_ends_as_an_undisturbed_one(tmp_path, after):
    """In the middle of tuning, between tuning and the table, and in the table."""
    study, curve = study_of(arms=ARMS, tune=TUNE), by_lr({"a": 0.1, "b": 0.2})
    stopped = Scripted(curve, stop_after=after)
    with pytest.raises(InterruptedRun):
        conducted(study, tmp_path / "s", stopped)
    rest = Scripted(curve)
    found = conducted(study, tmp_path / "s", rest).comparison
    whole = conducted(study, tmp_path / "w", Scripted(curve)).comparison
    assert len(stopped.ran) + len(rest.ran) == 8 + 6
    assert found == whole


@pytest.mark.parametrize(("best", "edge"), [(0.1, "least"), (0.2, None), (0.4, "greatest")])
def test_a_choice_at_the_edge_of_its_grid_is_said(tmp_path, best, edge):
    scripted = Scripted(by_lr({"a": best, "b": 0.2}))
    tune = TUNE | {"grid": {LR: [0.1, 0.2, 0.4]}}
    told = conducted(study_of(arms=ARMS, tune=tune), tmp_path, scripted).comparison
    assert told.tuning.choices["a"].edges == ({LR: edge} if edge else {})
    line = f"a chose at the edge of its grid ({LR} is the {edge} tried): its best may lie beyond; widen the grid"
    assert (line in to_markdown(told)) == bool(edge)
    assert "b chose at the edge" not in to_markdown(told)
