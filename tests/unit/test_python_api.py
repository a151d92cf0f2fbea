"""What the commands do, from Python, with components that no plugin registers.

1. A spec of such components runs, is resumed, evaluated, searched and compared; what it says of itself is what ran.
2. Where the class is missing, the message names it and says where to go on.
3. The public names are there, and reading them loads no heavy library before it is needed.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from small_run import Contains, save_model, small_spec

import dsk
from dsk.cli import main
from dsk.compare.evaluation import summarise
from dsk.components.rollouts.tree import Tree
from dsk.core.own_parts import OWN_PARTS, OwnPart
from dsk.core.run.stored import read_object

ROOT = Path(__file__).parents[2]


class Shallow(dsk.Selector):
    """Prefers shallow nodes."""

    kind: ClassVar[str] = "shallow_here"

    def scores(self, tree, nodes, rng):
        return -tree.depth[nodes].astype(np.float64)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def spec(model) -> dsk.RunSpec:
    rollout = Tree(width=2, max_depth=3, step_tokens=4, trajectories=3, selector=Shallow())
    return small_spec(model, rollout=rollout, rounds={"count": 1, "steps": 2}, keep="trees")


@pytest.fixture(scope="module")
def finished(spec, tmp_path_factory) -> dsk.Run:
    return dsk.run(spec, tmp_path_factory.mktemp("runs") / "own")


def command(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["dsk", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr()


def test_a_loaded_run_has_the_figures_of_the_one_that_ran(finished):
    loaded = dsk.load_run(finished)
    assert loaded == finished
    assert loaded.status == "finished"
    assert [step["step"] for step in loaded.steps] == [1, 2]
    assert [e["when"] for e in loaded.evaluations] == ["before", "after"]
    assert loaded.evaluations[-1]["pass_at_1"] == loaded.summary["after"]["pass_at_1"]
    assert dsk.write_report(loaded) == loaded.folder / "report.html"


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(dsk.DskError, match="holds no run"):
        dsk.load_run(tmp_path)


def test_parts_of_classes_that_nothing_registers_are_named_in_the_folder(finished):
    parts = read_object(finished.folder / OWN_PARTS, list[OwnPart])
    assert [(part.path, part.role, part.kind) for part in parts] == [
        ("task", "task", "letters"),
        ("verifier", "verifier", "contains"),
        ("rollout.selector", "selector", "shallow_here"),
    ]
    assert parts[0].name == "small_run.Letters"


@pytest.mark.parametrize("words", [("run", "--resume"), ("resolve",), ("search",)])
def test_the_command_line_names_the_classes_and_says_where_to_go_on(finished, words, monkeypatch, capsys):
    code, said = command(monkeypatch, capsys, words[0], finished.folder, *words[1:])
    first = said.err.splitlines()[0]
    assert code == 2
    assert "verifier 'contains' (small_run.Contains)" in first
    assert f"dsk.run(spec, '{finished.folder}', resume=True)" in first
    assert "Traceback" not in said.err


def test_a_run_of_own_parts_is_resumed_from_python(spec, tmp_path):
    class Once:
        steps = 0

        def record(self, record):
            self.steps += record["event"] == "step"

        def progress(self, phase, progress):
            pass

    once = Once()
    with pytest.raises(dsk.InterruptedRun):
        dsk.run(spec, tmp_path / "r", listener=once, should_stop=lambda: once.steps > 0)
    assert dsk.run(spec, tmp_path / "r", resume=True).summary["steps"] == 2


def test_a_resume_with_another_own_part_is_refused(finished, spec):
    other = spec.replace(verifier=Contains(also="9"))
    with pytest.raises(dsk.DskError, match=r'verifier.also: "0123" -> "9"'):
        dsk.run(other, finished, resume=True)


def test_a_class_under_a_taken_kind_is_refused_before_there_is_a_folder(spec, tmp_path):
    class Mine(dsk.Selector):
        """Has another's kind."""

        kind: ClassVar[str] = "uct"

        def scores(self, tree, nodes, rng):
            return np.zeros(len(nodes))

    taken = spec.replace(rollout=Tree(selector=Mine()))
    with pytest.raises(dsk.SpecError, match=r"rollout.selector: .*Mine has the kind 'uct'.* give your class a `kind`"):
        dsk.run(taken, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_own_parts_are_evaluated_and_the_scores_are_those_of_the_answers(spec, finished):
    found = dsk.evaluate(spec, finished, samples=3)
    assert [row["id"] for row in found.rows] == ["i", "j", "k", "l"]
    assert found.scores == summarise(found.answered, [1, 3])
    assert found.scores.pass_at_1.mean == pytest.approx(np.mean([row["rate"] for row in found.rows]))
    assert all(
        right == bool(set(text) & {one.problem.answer, *"0123"})
        for one in found.answered
        for text, right in zip(one.texts, one.correct, strict=True)
    )
    assert len(dsk.evaluate(spec, problems=2, samples=1).answered) == 2


def test_an_evaluation_tells_its_listener_how_far_it_is(spec):
    told = []

    class Listening(dsk.Silent):
        def progress(self, phase, progress):
            told.append((phase, progress.done, progress.total))

    dsk.evaluate(spec, problems=[dsk.Problem("m", "m=", "m")], samples=1, listener=Listening())
    assert told[-1] == ("evaluate", 1, 1)


def test_a_search_with_an_own_selector_goes_by_it(spec, finished):
    found = dsk.search(spec, "b", model=finished)
    assert found.group.problem.id == found.tree.problem_id == "b"
    data = found.data()
    assert data["rules"]["selector"] == "shallow_here"
    assert data["rules"]["how"]["frontier"]["formula"] == "Prefers shallow nodes."
    again = dsk.search(spec, dsk.Problem("new", "z=", "z"), policy=found.policy)
    assert again.tree.problem_id == "new"


def test_a_search_is_written_as_a_page_and_shown_in_a_frame(spec, tmp_path):
    found = dsk.search(spec, "a", title="first")
    page = found.page(tmp_path / "tree.html", dsk.search(spec, "b", policy=found.policy)).read_text()
    assert re.search(r'"title":"first"', page)
    assert "srcdoc" in found.viewer(height=300)._repr_html_()
    assert "Search of problem a" in found._repr_html_()


def test_responses_without_a_tree_are_shown_and_the_tree_is_refused(spec):
    found = dsk.search(spec.replace(rollout={"kind": "direct", "samples": 2}), "a")
    assert found._repr_html_().count("<tr") == 3
    with pytest.raises(dsk.SpecError, match="whole responses"):
        _ = found.tree


def test_runs_of_own_parts_are_compared(finished, spec, tmp_path):
    other = dsk.run(spec.replace(seed=1, name="other"), tmp_path / "other")
    found = dsk.compare_runs(arms={"a": [finished], "b": [other]}, baseline="b")
    assert [row.arm for row in found.rows] == ["a", "b"]
    assert [row.arm for row in dsk.compare_runs(finished, other).rows]


def test_a_study_knows_registered_components_only_and_says_so(spec, tmp_path):
    study = {"name": "s", "base": spec.dump(), "arms": {"a": {}, "b": {"seed": 3}}, "seeds": [0, 1]}
    with pytest.raises(dsk.SpecError, match="unknown task 'letters'"):
        dsk.compare_study(study, tmp_path)


def test_a_study_at_a_fixed_policy_is_left_to_the_command(tmp_path):
    with pytest.raises(dsk.SpecError, match="`dsk compare` prints it"):
        dsk.compare_study(ROOT / "studies" / "gradient.json", tmp_path)


def test_replacing_fields_checks_the_whole_and_keeps_the_parts(spec):
    changed = spec.replace(seed=5)
    assert changed.seed == 5
    assert changed.verifier is spec.verifier
    assert changed.dump() == {**spec.dump(), "seed": 5}
    with pytest.raises(dsk.SpecError, match=r"spec: seed: "):
        spec.replace(seed=-1)
    with pytest.raises(dsk.SpecError, match="unknown field"):
        spec.replace(sed=1)


def test_every_public_name_is_there_and_in_the_python_page():
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name in dsk.__all__:
        assert getattr(dsk, name) is not None
    shown = ("run", "load_run", "load_spec", "evaluate", "search", "compare_runs", "compare_study", "write_report")
    assert [name for name in shown if f"dsk.{name}(" not in page] == []


def test_public_names_that_start_nothing_load_no_torch():
    names = "RunSpec load_spec load_run Run Listener Silent NotebookView Problem ModelSpec Comparison"
    program = f"import sys, json, dsk\nfor name in {names.split()}: getattr(dsk, name)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert json.loads(done.stdout.lower()) is False
