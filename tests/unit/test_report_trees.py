"""The trees in a report: of the newest step, beside the first of the same problem, and no more than fit."""

from __future__ import annotations

import json

import pytest
from scripted_rounds import PolicyOfNumbers, run_scripted, scripted_spec

from dsk.core.run.records import read_records
from dsk.core.run.stored_trees import TREES, read_trees
from dsk.report import trees
from dsk.report.trees import newest_trees, report_trees
from dsk.web.page import json_text

SKILL = (0.2, 0.4, 0.5, 0.1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four problems, searched again in every round by a policy that grows."""
    folder = tmp_path_factory.mktemp("runs") / "grown"
    every = {"samples": 2, "threshold": 1.0}
    spec = scripted_spec(SKILL, 0.02, keep="trees", replay=None, screen=every)
    run_scripted(spec, folder)
    return folder


def shown(folder):
    return report_trees(folder, read_records(folder), PolicyOfNumbers)


def searched(folder, problem):
    """Steps whose tree file has the problem, by reading all of them."""
    files = sorted(folder.glob(f"trees/*{TREES}.jsonl.zst"))
    return [int(f.name[:6]) + 1 for f in files if any(t.problem_id == problem for t in read_trees(f))]


def test_each_problem_has_its_newest_tree_and_its_first(run):
    found = shown(run)
    assert found is not None
    assert {each["problem"] for each in found["shown"]} == {t.record.problem_id for t in newest_trees(run)}
    for each in found["shown"]:
        steps = searched(run, each["problem"])
        assert [step for step, _, _ in each["ends"]] == [steps[0], found["step"]]
        assert steps[-1] == found["step"]
        assert [tree["title"] for tree in each["trees"]] == [f"step {steps[0]}", f"step {steps[-1]}"]


def test_the_counts_are_those_of_the_trees_ends(run):
    for each in shown(run)["shown"]:
        for (_, right, of), tree in zip(each["ends"], each["trees"], strict=True):
            assert (right, of) == (sum(end["correct"] for end in tree["ends"]), len(tree["ends"]))


def test_what_has_changed_most_comes_first(run):
    changes = [abs(last[1] / last[2] - first[1] / first[2]) for first, last in (e["ends"] for e in shown(run)["shown"])]
    assert changes == sorted(changes, reverse=True)


def test_no_more_are_shown_than_fit_and_what_does_not_is_counted(run, monkeypatch):
    whole = shown(run)["shown"]
    monkeypatch.setattr(trees, "MOST_BYTES", len(json_text(whole[0])) + 10)
    found = shown(run)
    assert [each["problem"] for each in found["shown"]][:1] == [whole[0]["problem"]]
    assert found["too_large"] == len(whole) - len(found["shown"]) > 0
    assert len(json_text(found["shown"])) <= trees.MOST_BYTES + 2


def test_where_both_trees_are_too_large_the_newer_one_is_shown(run, monkeypatch):
    first = shown(run)["shown"][0]
    alone = {**first, "ends": first["ends"][1:], "trees": first["trees"][1:]}
    monkeypatch.setattr(trees, "MOST_BYTES", len(json_text(alone)))
    assert json.loads(json_text(shown(run)["shown"][0])) == json.loads(json_text(alone))


def test_a_run_that_keeps_no_trees_has_none_and_needs_no_tokenizer(tmp_path):
    run_scripted(scripted_spec((0.5, 0.5), 0.0), tmp_path / "plain")
    assert report_trees(tmp_path / "plain", read_records(tmp_path / "plain"), lambda: pytest.fail("was asked")) is None
