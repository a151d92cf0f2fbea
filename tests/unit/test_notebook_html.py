"""What a notebook shows of runs, trees, specs, comparisons: their own numbers, and no text that is more than text."""

import base64
import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from html_tables import Tables, check_inert
from hypothesis import given
from hypothesis import strategies as st
from run_folders import resolved, steady, write_run
from scripted_rounds import run_scripted, scripted_spec
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, run

import dsk
from dsk.compare.answer import answer
from dsk.compare.table import make_grid
from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.core import shown_tree
from dsk.core.input.faults import printable
from dsk.core.loading import parse_spec
from dsk.core.roles import Known
from dsk.web.charts import Curve, Interval, curves_svg, intervals_svg
from dsk.web.fragments import Cell, Embedded, block, paragraph, table

HOSTILE = "</td></script><script>alert(1)</script><img src=x onerror=alert(1)> & ‮ \" ' $x$ \x1b[2J"
policies = st.builds(ScriptedPolicy, st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))


def grown(policy: ScriptedPolicy, **fields) -> TreeSearch:
    spec = Tree(width=3, max_depth=4, trajectories=4, max_expansions=12, **fields)
    return run(TreeSearch(PROBLEM, Known((1, 2)), spec, 5, replace(SETTING, keep_trees=True)), policy)


@given(st.lists(st.lists(st.text(), min_size=1, max_size=3), min_size=1, max_size=4))
def test_a_table_holds_each_text_as_it_is(rows):
    found = check_inert(block("title", table((), rows)))
    assert found.rows == [[printable(text) for text in row] for row in rows]


@pytest.mark.parametrize("place", [lambda t: table((t,), [[Cell(t, tone="right", indent=2)]]), paragraph])
def test_hostile_text_is_shown_and_not_run(place):
    shown = check_inert(block(HOSTILE, place(HOSTILE), notes=[HOSTILE]))
    assert printable(HOSTILE) in shown.text
    assert "‮" not in shown.text
    assert "\x1b" not in shown.text


@given(policies, st.sampled_from(["frontier", "uct"]))
def test_a_kept_trees_lines_are_the_records_numbers(policy, selector):
    record = grown(policy, selector=selector).group().tree
    assert record is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shown_tree, "MOST", 10**6)
        lines = Tables(record._repr_html_()).rows[1:]
    order = record.order.tolist()
    ends = dict(zip(record.verified.tolist(), record.correct.tolist(), strict=True))
    expected = []
    for node in range(len(record.parent)):
        place = order.index(node) if node in order else None
        score = math.nan if place is None else record.choice_score[place]
        expected.append([
            f"{len(record.step_tokens(node))} tokens", "" if place is None else str(place + 1),
            "" if math.isnan(score) else f"{score:.3f}",
            f"{record.value[node]:.3f}", str(record.visits[node]), f"{record.entropy[node]:.3f}",
            {True: "right", False: "wrong", None: ""}[ends.get(node)],
        ])  # fmt: skip
    assert sorted(lines) == sorted(expected)


@given(policies)
def test_a_line_stands_below_its_parents_and_one_step_further_in(policy):
    record = grown(policy).group().tree
    assert record is not None
    shown = Tables(shown_tree.record_html(record, "tree", str))
    depths: dict[int, int] = {}
    for row, styles in zip(shown.rows[1:], shown.styles[1:], strict=True):
        node, indent = int(row[0]), re.search(r"padding-left:(\d+)px", styles[0])
        depths[node] = (int(indent[1]) - 10) // 14 if indent else 0
        assert node == 0 or depths[node] == depths[int(record.parent[node])] + 1


def test_a_large_tree_shows_the_ways_to_right_answers_and_says_what_is_left_out(monkeypatch):
    record = grown(ScriptedPolicy(3, 0.3, 0.5)).group().tree
    assert record is not None
    monkeypatch.setattr(shown_tree, "MOST", 4)
    shown = Tables(shown_tree.record_html(record, "tree", str))
    nodes = {int(row[0]) for row in shown.rows[1:]}
    right = record.verified[record.correct].tolist()
    assert set(right[:1]) <= nodes
    assert all(node == 0 or int(record.parent[node]) in nodes for node in nodes)
    assert f"{len(record.parent) - len(nodes)} nodes are not shown" in shown.text


@given(policies)
def test_a_growing_trees_lines_are_its_own_numbers(policy):
    tree = grown(policy).tree
    lines = Tables(tree._repr_html_()).rows[1:]
    expected = [[f"{tree.value[n]:.3f}", str(tree.visits[n]), f"{tree.entropy[n]:.3f}"] for n in range(tree.size)]
    if tree.size <= shown_tree.MOST:
        assert sorted(row[3:6] for row in lines) == sorted(expected)


def test_a_steps_text_in_a_tree_is_inert():
    record = grown(ScriptedPolicy(3, 0.3, 0.5)).group().tree
    assert record is not None
    check_inert(shown_tree.record_html(record, HOSTILE, lambda node: HOSTILE))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run_scripted(scripted_spec([0.2, 0.5, 0.4, 0.3], 0.02), tmp_path_factory.mktemp("runs") / "scripted")


def test_a_runs_figures_are_those_of_its_last_step_and_its_rounds(finished):
    shown = check_inert(finished._repr_html_())
    rows = {row[0]: row[1:] for row in shown.rows}
    last = finished.steps[-1]
    assert rows["steps"] == [f"{last['step']:,}"]
    assert rows["model tokens"] == [f"{last['model_tokens']:,}"]
    rounds = finished.of("round")
    assert [row for row in shown.rows if len(row) == 9][1:] == [
        [f"{r[name]:,}" for name in
         ("round", "hard", "cached", "unsolved", "steps", "solved", "still_hard", "admitted", "cached_problems")]
        for r in rounds
    ]  # fmt: skip
    assert f"Run {finished.summary['name']}: finished" in shown.text


def test_an_evaluated_run_shows_its_first_and_last_held_out_figures(tmp_path):
    run = dsk.load_run(write_run(tmp_path / "r", steady(0.2, 0)))
    shown = check_inert(run._repr_html_())
    held = [row for row in shown.rows if len(row) == 5][1:]
    first, last = run.evaluations[0], run.evaluations[-1]
    assert [row[1] for row in held] == [f"{first['pass_at_1']:.1%}", f"{last['pass_at_1']:.1%}"]
    assert held[0][2] == f"{first['low']:.1%} to {first['high']:.1%}"


def test_a_run_that_has_not_begun_to_train_can_be_shown(tmp_path):
    folder = write_run(tmp_path / "r", steady(0.2, 0), status={"status": "interrupted"})
    (folder / "events.jsonl").write_text("")
    shown = check_inert(dsk.load_run(folder)._repr_html_())
    assert "r: interrupted" in shown.text
    assert "no step yet" in shown.text


@pytest.fixture
def compared(tmp_path):
    arms = {
        name: [write_run(tmp_path / f"{i}-{seed}", steady(slope, seed), seed=seed) for seed in range(3)]
        for i, (name, slope) in enumerate({HOSTILE: 0.1, "frontier": 0.3}.items())
    }
    return dsk.compare_runs(arms=arms, title=HOSTILE)


def test_a_comparison_shows_its_answer_and_its_tables_cells(compared):
    shown = check_inert(compared._repr_html_())
    grid = make_grid(compared)
    assert shown.rows == [
        [printable(head) for head in grid.heads],
        *([printable(cell.text) for cell in row] for row in grid.rows),
    ]
    assert printable(answer(compared)) in shown.text
    assert all(printable(note) in shown.text for note in grid.notes)


def test_a_comparisons_drawing_is_of_its_intervals(compared):
    source = next(v for n, v in Tables(compared._repr_html_()).attributes if n == "src")
    svg = base64.b64decode(source.partition(",")[2]).decode()
    ElementTree.fromstring(svg)
    assert "frontier" in svg
    assert "<script" not in svg


def test_a_spec_shows_what_is_not_the_default_apart():
    spec = parse_spec(resolved(["rollout.width=3", "seed=7"]))
    rows = {row[0]: row for row in check_inert(spec._repr_html_()).rows}
    assert rows["rollout"][1] == "tree"
    assert "width = 3" in rows["rollout"][2]
    assert "max_depth" in rows["rollout"][3]
    assert "seed = 7" in rows["(run)"][2]
    shown = {name for row in rows.values() for name in re.findall(r"(\w+) = ", f"{row[2]}, {row[3]}")}
    assert {"lr", "exploration", "samples"} <= shown


def test_a_specs_hostile_text_is_inert():
    spec = parse_spec(resolved([f"prompt.prefix={json.dumps(HOSTILE)}"]))
    check_inert(spec._repr_html_())


def test_an_embedded_page_keeps_to_its_frame():
    shown = Tables(Embedded(f'<p title="{HOSTILE}">\'</p>', 200)._repr_html_())
    assert shown.elements == {"iframe"}
    attributes = dict(shown.attributes)
    assert attributes["sandbox"] == "allow-scripts"
    assert attributes["srcdoc"] == f'<p title="{HOSTILE}">\'</p>'


@pytest.mark.parametrize("name", ["plain", HOSTILE, "$x$ $\\frac$"])
def test_drawings_are_xml_with_the_names_as_text(name):
    curve = Curve(name, (0, 1), (0.1, 0.5), (0.0, 0.4), (0.2, 0.6))
    for svg in (curves_svg([curve, curve], name), intervals_svg([Interval(name, 1, 0, 2)], name)):
        root = ElementTree.fromstring(svg)
        assert {element.tag.rpartition("}")[2] for element in root.iter()}.isdisjoint({"script", "foreignObject"})
