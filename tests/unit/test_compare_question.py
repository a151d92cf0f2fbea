"""One question in one command: the study that it makes, what it refuses, and the sentence that answers it."""

import json
import re

import pytest
from run_folders import steady, write_run, write_search_run
from scripted_study import BASE, Scripted, conducted, study_of
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.compare.answer import answer
from dsk.compare.arms import group_runs
from dsk.compare.comparison import compare
from dsk.compare.question import Question, amount_of, make_study, pick_study, write_study
from dsk.compare.runs import find_runs, read_run
from dsk.compare.study import load_study
from dsk.core.errors import SpecError

LR = "train.optimizer.lr"


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.json"
    path.write_text(json.dumps(BASE))
    return path


def test_the_base_as_it_is_stands_beside_the_arms_that_were_named(base):
    study = make_study(base, Question(["wide:rollout.width=8", "wide:rollout.max_depth=4", "uct:rollout.selector=uct"]))
    assert study.arms == {
        "base": {},
        "wide": {"rollout.width": 8, "rollout.max_depth": 4},
        "uct": {"rollout.selector": "uct"},
    }
    assert study.baseline_name == "base"
    assert study.name == "base.wide-uct"
    assert study.seeds == (0, 1, 2, 3, 4)


def test_a_named_baseline_takes_the_bases_place(base):
    study = make_study(base, Question(["a:rollout.width=8", "b:rollout.width=4"], baseline="a"))
    assert list(study.arms) == ["a", "b"]
    assert study.baseline_name == "a"


def test_values_between_commas_are_the_grid_of_every_arm_or_of_one(base):
    words = [f"{LR}=0.1,0.2", 'wide:rollout.selector=[{"kind": "uct"}, "frontier"]', "base:rollout.width=2,4"]
    tune = make_study(base, Question(["wide:rollout.max_depth=4"], "100k", tune=words)).tune
    assert tune.grid == {LR: [0.1, 0.2]}
    assert tune.arms == {"wide": {"rollout.selector": [{"kind": "uct"}, "frontier"]}, "base": {"rollout.width": [2, 4]}}


def test_tuning_gets_problems_of_another_seed_unless_it_is_told_which(base):
    words = {"arms": ["wide:rollout.width=8"], "budget": "100k", "tune": [f"{LR}=0.1,0.2"]}
    assert make_study(base, Question(**words)).tune.set == {"task.seed": 1000}
    assert make_study(base, Question(**words, tune_set=["task.min_steps=3"])).tune.set == {"task.min_steps": 3}


@pytest.mark.parametrize(
    ("text", "amount"), [("100k", 100_000), ("2.5M", 2_500_000), ("1e5", 100_000), ("400000", 400_000), ("1G", 10**9)]
)
def test_amounts_have_short_forms(text, amount):
    assert amount_of(text, "--budget") == amount


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"arms": ["rollout.width=8"]}, "--set rollout.width=8: expected ARM:path=value, such as wide:"),
        ({"arms": ["wide:rollout.width"]}, "expected ARM:path=value"),
        ({"arms": ["w:rollout.width=8"], "budget": "100x"}, "--budget 100x: expected an amount, such as 100000, 100k"),
        ({"arms": ["w:rollout.width=8"], "budget": "0"}, "--budget 0: expected an amount"),
        ({"arms": ["w:rollout.width=8"], "budget": "1k", "tune": ["lr"]}, "--tune lr: expected path=v1,v2 or ARM"),
        ({"arms": ["w:rollout.width=8"], "tune": [f"{LR}=1,2"]}, "tune: needs a `budget`"),
        ({"arms": ["w:rollout.width=8"], "budget": "1k", "tune": [f"{LR}=1,2"], "tune_set": ["x"]},
         "--tune-set x: expected path=value"),
        ({"arms": ["w:rollout.width=8"], "budget": "1k", "tune": [f"w:{LR}=1,2"]}, "settings: base 1, w 2"),
        ({"arms": (), "budget": "1k"}, "--budget: goes with a spec and --set ARM:path=value"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_one_clear_line(base, words, message):
    with pytest.raises(SpecError, match=message) as caught:
        pick_study([base], Question(**words))
    assert len(caught.value.problems) == 1


def test_a_study_file_takes_no_arms_and_is_changed_by_the_other_words(tmp_path):
    file = tmp_path / "study.json"
    file.write_text(json.dumps({"name": "s", "base": BASE, "arms": {"a": {}, "b": {"rollout.width": 2}}}))
    with pytest.raises(SpecError, match="this is a study, not a spec"):
        pick_study([file], Question(["a:rollout.width=8"]))
    changed = pick_study([file], Question((), fields={"resolution": 4.0, "max_seeds": 9}))
    assert (changed.resolution, changed.max_seeds) == (4.0, 9)
    assert list(changed.arms) == ["a", "b"]
    assert pick_study([tmp_path], Question(())) is None


def test_the_study_that_was_made_is_kept_and_is_the_same_when_read(base, tmp_path):
    words = Question(["wide:rollout.width=8"], "100k", "updates", tune=[f"{LR}=0.1,0.2"], fields={"resolution": 4.0})
    study = make_study(base, words)
    assert load_study(write_study(study, tmp_path / "runs")) == study
    assert (tmp_path / "runs" / "base.wide" / "study.json").is_file()


def test_the_command_says_what_it_would_do_and_does_nothing(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--set", "wide:rollout.width=8", "--budget", "100k", "--tune", f"{LR}=0.1,0.2", "--dry-run"]
    result = CliRunner().invoke(app, ["compare", "base.json", *words])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "tuning: 2 arms x 2 settings x 3 seeds = 12 runs, 1,200,000 model tokens"
    assert not (tmp_path / "runs").exists()


def test_resolution_is_no_word_for_runs_as_they_are(tmp_path):
    write_run(tmp_path / "a", steady(0.3, 0))
    result = CliRunner().invoke(app, ["compare", str(tmp_path), "--resolution", "4"])
    assert isinstance(result.exception, SpecError)
    assert "--resolution: adds runs to a study; name a study file" in str(result.exception)


def told(place, **options):
    return answer(compare(group_runs([read_run(folder) for folder in find_runs([place])]), **options))


def write_arms(place, slopes, seeds=3):
    for number, (name, slope) in enumerate(slopes.items()):
        for seed in range(seeds):
            overrides = [f"rollout.width={2 + number}"]
            write_run(place / f"{name}-{seed}", steady(slope, seed), seed=seed, overrides=overrides)


def test_the_sentence_says_who_is_ahead_by_how_much_and_on_what(tmp_path):
    write_arms(tmp_path, {"a": 0.1, "b": 0.3})
    ahead = (
        r"b is ahead of a by 20\.\d points of pass@1"
        r" \(95% interval \+1\d\.\d to \+2\d\.\d; 3 seeds, at 1,000 model tokens\)\."
    )
    assert re.fullmatch(ahead, told(tmp_path))
    assert told(tmp_path, baseline="b").startswith("b is ahead of a by 20.")


def test_a_baseline_ahead_of_all_is_named_as_the_one_ahead(tmp_path):
    write_arms(tmp_path, {"a": 0.5, "b": 0.3, "c": 0.1})
    sentence = told(tmp_path)
    assert sentence.startswith("a is ahead of b by ")
    assert "95% interval +" in sentence
    assert sentence.endswith("; the other arm is behind a.")


def test_arms_that_cannot_be_told_apart_are_not_said_to_be_ahead(tmp_path):
    write_arms(tmp_path, {"a": 0.3, "b": 0.3001, "c": 0.3002, "d": 0.1})
    sentence = told(tmp_path)
    assert "cannot be told apart" in sentence
    assert " ahead" not in sentence
    assert sentence.endswith("; of the 2 other arms 1 is behind a, 1 is not told from a.")


def test_one_run_each_and_one_arm_have_no_answer(tmp_path):
    write_arms(tmp_path / "two", {"a": 0.1, "b": 0.3}, seeds=1)
    write_arms(tmp_path / "one", {"a": 0.1})
    assert told(tmp_path / "two").startswith("One run each cannot say whether b-0 or a-0 is ahead: they differ by 20.")
    assert told(tmp_path / "one") == "No result stands beside that of a, so nothing is compared."


def test_a_search_is_answered_in_the_metrics_own_words(tmp_path):
    for seed in range(3):
        write_search_run(tmp_path / f"a-{seed}", 3, seed=seed)
        write_search_run(tmp_path / f"b-{seed}", 5 + seed / 2, seed=seed, overrides=["rollout.width=2"])
    assert told(tmp_path, metrics=["depth"]).startswith("b is above a by 2.5 depth (95% interval +")


def test_the_sentence_says_tuned_or_untuned_and_what_the_level_takes(tmp_path):
    def curve(run):
        speed = (0.8 if run.arm == "a" else 1.0) + 0.02 * run.seed
        return lambda problem, tokens: min(speed * tokens / 1000, 1.0)

    study = study_of(arms={"a": {}, "b": {"rollout.width": 2}}, tokens_to=0.5)
    sentence = answer(conducted(study, tmp_path, Scripted(curve)).comparison)
    assert "; 3 seeds, untuned, at 1,000 model tokens), and b takes 0.80 times (0." in sentence
    assert sentence.endswith(" what a takes to 50%.")
