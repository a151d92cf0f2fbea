"""`dsk search` and `dsk tree`: pages, JSON, 80 columns, and one line for what cannot be shown."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

import dsk
from dsk.cli import main
from dsk.core.loading import load_spec

SMALL = ["max_response_tokens=24", "rollout.width=2", "rollout.max_expansions=5", "rollout.step_tokens=8"]
SHORT = [
    "name=small", "task.train_problems=3", "task.test_problems=2", "task.min_steps=8", "screen.samples=1",
    "screen.threshold=1",
    "rollout.max_expansions=10", "rounds.count=1", "rounds.steps=2", "train.batch_problems=3", "evaluate.samples=1",
    "train.mini_batch_problems=3", "train.refill=0", "replay=null",
]  # fmt: skip
QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.json"


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Run `dsk` in an empty folder, 80 columns wide; (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dsk", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def search(command):
    """Run a small `dsk search` of the quickstart."""
    sets = [word for value in SMALL for word in ("--set", value)]
    return lambda *words: command("search", QUICKSTART, *sets, *words)


def page_data(path: Path) -> dict:
    (inside,) = re.findall(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    return json.loads(inside)


def test_a_search_fits_80_columns(search):
    code, shown, error = search()
    assert (code, error) == (0, "")
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(r"^ exp  select +Q +N +H end +step$", shown, re.MULTILINE)
    assert len(re.findall(r"^ {3}[1-5] ", shown, re.MULTILINE)) == 5


def test_a_search_is_printed_as_json(search):
    code, shown, error = search("--json")
    tree = json.loads(shown)
    assert (code, error) == (0, "")
    assert len(tree["choices"]) == 5
    assert tree["rules"]["selector"] == "frontier"


def test_a_search_is_written_as_a_page_beside_another(search):
    code, shown, _ = search("--html", "tree.html", "--against", "rollout.selector.kind=uct")
    assert (code, shown) == (0, "tree.html\n")
    data = page_data(Path("tree.html"))
    assert [tree["rules"]["selector"] for tree in data["trees"]] == ["frontier", "uct"]
    assert data["trees"][1]["title"] == "rollout.selector.kind=uct"
    assert len({tree["problem"]["id"] for tree in data["trees"]}) == 1


def test_a_rollout_without_a_tree_has_no_page(command):
    words = ("--set", "rollout=direct", "--set", "max_response_tokens=8")
    code, _, error = command("search", QUICKSTART, *words, "--html", "tree.html")
    assert (code, error.count("\n")) == (2, 1)
    assert "'direct' makes whole responses, of which there is no tree to show; name 'tree'" in error


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run that kept its trees, and one that did not."""
    folder = tmp_path_factory.mktemp("runs")
    dsk.run(load_spec(QUICKSTART, SHORT), folder / "kept")
    shutil.copytree(folder / "kept", folder / "none")
    for path in (folder / "none" / "trees").glob("*.trees.*"):
        path.unlink()
    return folder


def test_a_runs_tree_is_written_with_what_was_trained_and_the_others_are_listed(command, runs):
    code, shown, error = command("tree", runs / "kept", "--out", "tree.html")
    assert (code, error) == (0, "")
    assert re.match(r"problem train-\d, step \d: \d+ right and \d+ wrong ends\n\d+ trees of \d problems", shown)
    assert shown.endswith("tree.html\n")
    (tree,) = page_data(Path("tree.html"))["trees"]
    assert any(advantage is not None for advantage in tree["trained"]["advantage"])
    assert tree["note"] == ""
    assert all("scored" in c or "levels" in c or c["how"] == "root" for c in tree["choices"])


def test_a_tree_stands_beside_that_of_another_step_or_run(command, runs):
    _, listed, _ = command("tree", runs / "kept", "--list")
    problem = next(line.split()[0] for line in listed.splitlines() if line.count(":") > 1 and line.startswith("  "))
    steps = re.findall(r"(\d+): ", next(line for line in listed.splitlines() if line.split()[0] == problem))
    code, _, _ = command("tree", runs / "kept", problem, "--step", steps[0], "--against", steps[-1], "--out", "a.html")
    titles = [tree["title"] for tree in page_data(Path("a.html"))["trees"]]
    assert (code, titles) == (0, [f"small, step {steps[0]}", f"small, step {steps[-1]}"])
    code, _, _ = command("tree", runs / "kept", problem, "--against", runs / "kept", "--out", "b.html")
    assert (code, len(page_data(Path("b.html"))["trees"])) == (0, 2)


@pytest.mark.parametrize(("words", "says"), [
    (("none",), 'keeps no whole trees; run it with keep = "trees" (--set keep=trees)'),
    ((".",), "holds no run; name a run's folder"),
    (("kept", "train-77"), "no tree of problem 'train-77'"),
    (("kept", "--step", "99"), "no tree at step 99; steps that have one: "),
    (("kept", "--against", "elsewhere"), "elsewhere: holds no run"),
])  # fmt: skip
def test_what_cannot_be_shown_is_one_line(command, runs, words, says):
    code, _, error = command("tree", runs / words[0], *words[1:], "--out", "tree.html")
    assert (code, error.count("\n")) == (2, 1)
    assert says in error
