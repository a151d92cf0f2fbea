"""Scores of sampled answers, the shipped studies and suites, and files that harness users recognise."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.cli import eval as eval_command
from dsk.compare.evaluation import Answered, majority_at_k, pass_at_k, summarise
from dsk.compare.fixed.planning import settings_of
from dsk.compare.harness import write_results
from dsk.compare.planning import plan_runs
from dsk.compare.statistics import correct, paired_difference
from dsk.compare.study import load_study
from dsk.compare.suite import load_suite
from dsk.components.rollouts import Tree
from dsk.core.errors import SpecError
from dsk.core.run.estimates import score
from dsk.core.types import Problem

ROOT = Path(__file__).parents[2]


def answered(answers, target="7", problem="p"):
    correct = tuple(a == target for a in answers)
    texts = tuple(f"so {a}" for a in answers)
    sizes = tuple(range(1, len(answers) + 1))
    return Answered(Problem(problem, "q", target), texts, tuple(answers), correct, sizes, (False,) * len(answers))


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(correct, data):
    k = data.draw(st.integers(1, len(correct)))
    subsets = list(itertools.combinations(correct, k))
    assert pass_at_k(len(correct), sum(correct), k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_majority_takes_the_most_frequent_answer_and_shares_ties():
    assert majority_at_k(answered(["7", "7", "3"]), 3) == 1
    assert majority_at_k(answered(["7", "3", "3"]), 3) == 0
    assert majority_at_k(answered(["7", "7", "3", "3"]), 4) == 0.5
    assert majority_at_k(answered(["7", None, None]), 3) == 1
    assert majority_at_k(answered([None, None]), 2) == 0


def test_correct_answers_in_other_words_are_one_vote():
    answers, correct = ("1/2", "0.5", "3", "3", "4"), (True, True, False, False, False)
    item = Answered(Problem("p", "q", "1/2"), ("",) * 5, answers, correct, (1,) * 5, (False,) * 5)
    assert majority_at_k(item, 5) == 0.5


@given(st.lists(st.sampled_from(["7", "3", "4", None]), min_size=2, max_size=6))
def test_scores_agree_with_each_other(answers):
    found = summarise([answered(answers)], ks=[1, len(answers), 99])
    assert list(found.pass_at) == sorted({1, len(answers)})
    assert found.pass_at[1] == pytest.approx(found.pass_at_1.mean) == pytest.approx(found.majority_at[1])
    assert found.pass_at[len(answers)] >= found.majority_at[len(answers)]
    assert found.length == pytest.approx((len(answers) + 1) / 2)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30))
def test_a_runs_own_evaluation_and_every_comparison_of_it_say_the_same(correct):
    items = [answered(["7"] * n + ["3"] * (4 - n), problem=str(i)) for i, n in enumerate(correct)]
    run, judged = score([item.rate for item in items], 4), summarise(items, [1]).pass_at_1
    assert (run.pass_at_1, run.low, run.high) == (judged.mean, judged.low, judged.high)


def test_a_difference_of_two_models_is_not_told_as_one_of_two_methods(capsys):
    mine, theirs = (
        [answered([a] * 2, problem=str(i)) for i in range(8)] + [answered(["3", "7"], problem="8")] for a in ("7", "3")
    )
    rates = [np.asarray([[item.rate for item in items]]) for items in (mine, theirs)]
    gaps = {"set": correct([paired_difference(*rates, share=True)])[0]}
    scores = {"set": summarise(mine, [1])}
    eval_command._print("a", "b", scores, gaps, {})
    assert "runs of one setting differ among themselves" in " ".join(capsys.readouterr().out.split())
    # of one model each there is no share of runs that win
    assert "improvement" not in eval_command._data(scores, gaps, {})["differences"]["set"]


def test_result_files_have_the_harness_fields(tmp_path):
    items = [answered(["7", "3"], problem="a"), answered(["3", "3"], problem="b")]
    write_results(tmp_path, "m", {"AIME 2025": summarise(items, [1, 2])}, {"AIME 2025": items}, {"temperature": 0.6})
    results = json.loads((tmp_path / "results.json").read_text())["results"]["AIME 2025"]
    assert results["pass@1,none"] == 0.25
    assert results["pass@2,none"] == 0.5
    rows = [json.loads(line) for line in (tmp_path / "samples_AIME-2025.jsonl").read_text().splitlines()]
    assert {"doc_id", "doc", "target", "resps", "filtered_resps", "filter", "metrics", "pass@1"} <= rows[0].keys()
    assert rows[0]["resps"] == [["so 7", "so 3"]]
    assert rows[0]["pass@1"] == 0.5


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.json")), ids=lambda p: p.stem)
def test_shipped_studies_resolve_with_five_seeds_or_more(path, tmp_path):
    study = load_study(path)
    planned = plan_runs(study, path.name, tmp_path)
    assert len({r.seed for r in planned}) >= 5 or settings_of(study) is not None, "at a fixed policy seeds are pooled"
    assert len(planned) == len(study.all_arms()) * len(study.seeds)


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.json")), ids=lambda p: p.stem)
def test_arms_that_end_steps_at_newlines_can_reach_the_answer_of_the_longest_chain(path, tmp_path):
    for run in plan_runs(load_study(path), path.name, tmp_path):
        tree = run.spec.rollout
        if isinstance(tree, Tree) and tree.boundary.kind == "text":
            # a line a step and one for the answer; one more for the end of the response
            assert tree.max_depth >= run.spec.task.dump()["max_steps"] + 2


def test_the_papers_suite_has_the_six_columns_of_its_table_1():
    suite = load_suite(ROOT / "suites" / "paper.json")
    assert list(suite.tasks) == ["AIME 2024", "AIME 2025", "AMC 2023", "MATH500", "Minerva", "Olympiad"]
    assert {entry.samples for entry in suite.tasks.values()} == {32}


def test_a_wrong_suite_says_where(tmp_path):
    path = tmp_path / "suite.json"
    path.write_text(json.dumps({"name": "s", "tasks": {"a": {"task": {"kind": "parket"}}}}))
    with pytest.raises(SpecError, match=r"tasks.a.task.*unknown task 'parket'.*did you mean 'parquet'"):
        load_suite(path)
