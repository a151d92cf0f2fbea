"""The tree viewer as a reader uses it: real Chromium, each interaction by mouse and by key, hostile texts."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from browsing import until
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, run

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.core.roles import Known
from dsk.core.spec import RunSpec
from dsk.treeview import Rules, Trained, tree_data, trees_page

pytestmark = pytest.mark.full

BARE = {"name": "bare", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\u202eevil\u2066 \x00"
LONG = "a long step " * 90_000


def tree(selector="frontier", text=lambda node: f"words of step {node}", trained=False, problem=PROBLEM):
    """A search with right and wrong ends, as the viewer's data."""
    spec = Tree.model_validate({"width": 3, "max_depth": 5, "trajectories": 8, "selector": selector})
    search = TreeSearch(problem, Known((1, 2)), spec, 5, replace(SETTING, keep_trees=True))
    record = run(search, ScriptedPolicy(3, 0.3, 0.4)).group().tree
    assert record is not None
    rules = Rules(spec.selector, spec.backup, spec.exploration, spec.gamma_min, spec.max_depth, 1 << 30)
    nodes = len(record.parent)
    credit = Trained(np.linspace(-1, 1, nodes), np.full(nodes, 2)) if trained else None
    data = tree_data(record, problem, str, rules, title=selector, trained=credit)
    data["nodes"]["text"] = ["", *map(text, range(1, nodes))]
    return data


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page of trees; at the end its console must have stayed empty, and nothing else been asked for."""
    opened = []

    def open_page(*trees, width=1400, height=900, scheme="light", clock=False):
        path = tmp_path / f"page{len(opened)}.html"
        path.write_text(trees_page("trees", trees), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"a dialog: {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        if clock:
            page.clock.install()
        page.goto(path.as_uri())
        if not clock:
            until(page, "performance.getEntriesByName('dsk tree drawn').length")
        opened.append((page, path.as_uri(), said, asked))
        return page

    yield open_page
    for page, address, said, asked in opened:
        assert said == []
        assert asked == [address], "the page stands alone"
        page.close()


def status(page) -> str:
    return page.locator(".tree-status").inner_text()


def done(page) -> int:
    return int(page.locator(".tree-player output").inner_text().split("/")[0])


def picture(page, which=0) -> str:
    """The canvas as it is after the frame that is due."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator("canvas").nth(which).evaluate("canvas => canvas.toDataURL()")


def find(page, wanted):
    """Move over the canvas until the tip says `wanted`."""
    box = page.locator("canvas").first.bounding_box()
    for x in range(int(box["x"]) + 10, int(box["x"] + box["width"]) - 4, 24):
        for y in range(int(box["y"]) + 8, int(box["y"] + box["height"]) - 4, 10):
            page.mouse.move(x, y)
            tip = page.locator(".tree-tip")
            if tip.count() and re.search(wanted, tip.inner_text()):
                return x, y
    raise AssertionError(f"nothing under the mouse says {wanted!r}")


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_page_does_not_scroll_sideways(visit, width, scheme, count):
    page = visit(*[tree("frontier"), tree("uct")][:count], width=width, scheme=scheme)
    assert page.locator("canvas").count() == count
    for key in ("End", "Home", ".", ".", "."):
        page.keyboard.press(key)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("canvas").first.bounding_box()["width"] > min(300, width / 2 - 60)


def test_the_canvas_says_what_it_is_and_a_line_says_what_is_selected(visit):
    data = tree()
    page = visit(data)
    canvas = page.get_by_role("application")
    label = canvas.get_attribute("aria-label")
    right = sum(end["correct"] for end in data["ends"])
    assert f"{len(data['choices'])} expansions, {right} right of {len(data['ends'])} verified ends" in label
    assert page.locator("[role=status][aria-live=polite]").inner_text() == status(page)
    solution = next(end["node"] for end in data["ends"] if end["correct"])
    assert status(page).startswith(f"Step {solution}, ")


def test_the_search_is_played_paused_and_resumed(visit):
    page = visit(tree(), clock=True)
    page.get_by_role("button", name="Play").click()
    assert done(page) == 0
    page.clock.run_for(1700)
    assert done(page) == 2
    page.keyboard.press("Escape")
    page.locator("canvas").focus()
    page.keyboard.press(" ")
    page.clock.run_for(5000)
    assert done(page) == 2
    page.get_by_label("Speed").select_option("4")
    page.locator("canvas").focus()
    page.keyboard.press(" ")
    page.clock.run_for(500)
    assert done(page) == 4
    page.clock.run_for(600_000)
    last = len(tree()["choices"])
    assert done(page) == last
    assert page.get_by_role("button", name="Play").is_visible()


def test_the_playback_is_stepped_by_keys_buttons_and_slider(visit):
    data = tree()
    page, last = visit(data), len(data["choices"])
    assert done(page) == last
    before = picture(page)
    page.keyboard.press("Home")
    assert done(page) == 0
    assert picture(page) != before
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.keyboard.press(",")
    assert done(page) == 1
    page.get_by_role("button", name="One expansion on").click()
    page.get_by_role("button", name="One expansion on").click()
    page.get_by_role("button", name="One expansion back").click()
    assert done(page) == 2
    assert status(page).startswith(f"Step {data['choices'][2]['node']}, ")
    page.get_by_role("slider").fill("4")
    assert done(page) == 4
    page.get_by_role("button", name="To the end").click()
    assert done(page) == last
    page.get_by_role("button", name="To the beginning").click()
    assert done(page) == 0


@pytest.mark.parametrize(("selector", "terms"), [
    ("frontier", ["parent value", "entropy", "depth"]),
    ("frontier_ucb", ["parent value", "confidence", "entropy", "depth"]),
    ("uct", ["mean value", "exploration"]),
    ("puct", ["mean value", "exploration"]),
])  # fmt: skip
def test_each_choice_shows_its_candidates_with_named_terms_and_the_chosen_first(visit, selector, terms):
    data = tree(selector)
    page, seen = visit(data), set()
    page.keyboard.press("Home")
    assert "where every search begins" in page.locator(".why").inner_text()
    for choice in data["choices"][1:]:
        page.keyboard.press(".")
        table = page.locator(".tree-candidates table").last
        for more in page.locator(".tree-candidates .more").all():
            more.click()
        heads = table.locator("thead th").all_inner_texts()
        rows = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
        assert heads[0] == "candidate"
        assert heads[-1] == "score"
        assert len(rows) == choice["among"]
        assert rows[0][0].split()[1] == str(choice["node"])
        figures = [[float(cell.replace("−", "-")) for cell in row[1:]] for row in rows]
        assert all(abs(sum(row[:-1]) - row[-1]) <= 0.0005 * len(row) + 1e-9 for row in figures)
        assert figures[0][-1] == max(row[-1] for row in figures)
        assert figures[0][-1] == pytest.approx(choice["score"], abs=6e-4)
        seen.add((choice["how"], tuple(heads[1:-1])))
    expected = "frontier" if selector.startswith("frontier") else "descent"
    assert (expected, tuple(terms)) in seen
    assert ("siblings", ("mean value", "exploration")) in seen


def test_a_selector_that_draws_shows_the_recorded_score_and_says_why(visit):
    data = tree("random")
    page = visit(data)
    drawn = next(n for n, choice in enumerate(data["choices"]) if choice.get("how") == "frontier")
    page.get_by_role("slider").fill(str(drawn))
    said = page.locator(".tree-choice").inner_text()
    assert "with a score of" in said
    assert "draws random numbers" in said
    assert page.locator(".tree-candidates").count() == 0


def test_a_candidate_is_looked_at_by_a_click(visit):
    data = tree()
    page = visit(data)
    page.keyboard.press("Home")
    page.keyboard.press(".")
    row = page.locator(".tree-candidates tbody tr").nth(1)
    node = row.locator(".id").inner_text()
    row.locator("button").click()
    assert status(page).startswith(f"Step {node}, ")
    assert done(page) == 1


def test_texts_are_searched_by_key_and_by_button(visit):
    data = tree(text=lambda node: f"step {node} Even" if node % 2 == 0 else f"step {node} odd")
    page = visit(data)
    hits = [node for node in range(1, len(data["nodes"]["parent"])) if node % 2 == 0]
    before = picture(page)
    page.keyboard.press("/")
    page.keyboard.type("even")
    assert page.locator(".tree-search output").inner_text() == f"1 of {len(hits)}"
    assert picture(page) != before, "hits are marked"
    page.keyboard.press("Enter")
    first = int(re.findall(r"\d+", status(page))[0])
    assert first in hits
    assert page.locator(".tree-step mark").first.inner_text() == "Even"
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    second = int(re.findall(r"\d+", status(page))[0])
    assert second in hits
    assert second != first
    page.keyboard.press("N")
    assert status(page).startswith(f"Step {first}, ")
    page.get_by_role("button", name="Next hit").click()
    assert status(page).startswith(f"Step {second}, ")
    page.get_by_label("Search the steps").fill("nowhere at all")
    assert page.locator(".tree-search output").inner_text() == "none"


def test_it_jumps_to_the_solutions_and_to_the_most_confident_wrong_answer(visit):
    data = tree()
    page = visit(data)
    wrong = sorted((end for end in data["ends"] if not end["correct"]), key=lambda end: end["entropy"])
    right = [end["node"] for end in data["ends"] if end["correct"]]
    page.get_by_role("button", name="Confident wrong").click()
    assert status(page).startswith(f"Step {wrong[0]['node']}, ")
    assert ", wrong," in status(page)
    page.keyboard.press("Escape")
    page.locator("canvas").focus()
    page.keyboard.press("s")
    assert status(page).startswith(f"Step {right[0]}, ")
    assert ", right," in status(page)
    page.get_by_role("button", name="Solution").click()
    assert status(page).startswith(f"Step {right[1 % len(right)]}, ")
    page.locator("canvas").focus()
    page.keyboard.press("w")
    page.keyboard.press("w")
    assert status(page).startswith(f"Step {wrong[1]['node']}, ")


def test_arrows_walk_the_tree(visit):
    data = tree()
    page, parent = visit(data), data["nodes"]["parent"]
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    assert status(page).startswith("Prompt, ")
    page.keyboard.press("ArrowRight")
    child = int(re.findall(r"\d+", status(page))[0])
    assert parent[child] == 0
    siblings = [node for node, above in enumerate(parent) if above == 0]
    for _ in siblings:
        page.keyboard.press("ArrowUp")
    assert status(page).startswith(f"Step {siblings[0]}, ")
    page.keyboard.press("ArrowDown")
    assert status(page).startswith(f"Step {siblings[1]}, ")
    page.keyboard.press("ArrowLeft")
    assert status(page).startswith("Prompt, ")


def test_a_step_is_read_under_the_mouse_and_chosen_by_a_click(visit):
    page = visit(tree())
    x, y = find(page, r"^step 7\b")
    page.mouse.click(x, y)
    assert status(page).startswith("Step 7, ")
    assert page.locator(".tree-step h3").inner_text().startswith("Step 7")
    assert "words of step 7" in page.locator(".tree-step pre").first.inner_text()


def test_the_path_is_shown_and_leads_back(visit):
    data = tree()
    page = visit(data)
    node = int(re.findall(r"\d+", status(page))[0])
    path = [node]
    while path[0]:
        path.insert(0, data["nodes"]["parent"][path[0]])
    shown = page.locator(".path .id").all_inner_texts()
    assert shown == ["prompt", *map(str, path[1:])]
    page.locator(".path .id").nth(1).click()
    assert status(page).startswith(f"Step {path[1]}, ")
    page.get_by_role("button", name="Show the choice").click()
    order = [choice["node"] for choice in data["choices"]]
    assert done(page) == order.index(path[1])


def test_nodes_are_coloured_by_what_one_picks(visit):
    page = visit(tree(trained=True))
    menu = page.get_by_label("Colour")
    names = menu.locator("option").all_inner_texts()
    assert names == ["value", "outcome", "entropy", "selector score", "trained advantage", "order"]
    pictures = set()
    for name in names:
        menu.select_option(label=name)
        pictures.add(picture(page))
    assert len(pictures) == len(names)
    page.locator("canvas").focus()
    page.keyboard.press("c")
    assert menu.input_value() == "value"
    page.keyboard.press("C")
    assert menu.input_value() == "order"


def test_what_was_trained_on_a_step_is_shown_where_it_is_known(visit):
    figures = visit(tree(trained=True)).locator(".figures").inner_text()
    assert re.search(r"trained advantage\s+[+−]\d", figures)
    assert "trained advantage" not in visit(tree()).locator(".figures").inner_text()


def test_it_zooms_moves_and_shows_the_whole_again(visit):
    page = visit(tree())
    whole = picture(page)
    page.keyboard.press("+")
    near = picture(page)
    assert near != whole
    page.keyboard.press("f")
    assert picture(page) == whole
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] - 20, box["y"] + 12
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    wheeled = picture(page)
    assert wheeled != whole
    page.mouse.down()
    page.mouse.move(x - 80, y + 60, steps=4)
    page.mouse.up()
    assert picture(page) != wheeled
    page.get_by_role("button", name="Fit").click()
    page.mouse.move(5, 5)
    assert picture(page) == whole


@pytest.mark.parametrize("kind", ["branch", "probed"])
def test_a_forest_without_a_selector_is_played_in_the_order_of_its_requests(visit, kind):
    spec = RunSpec.model_validate({**BARE, "rollout": kind, "replay": None}).rollout
    setting = replace(SETTING, keep_trees=True, max_response_tokens=64)
    record = run(spec.start(PROBLEM, Known((1, 2)), 5, setting), ScriptedPolicy(3, 0.5, 0.4)).group().tree
    assert record is not None
    page = visit(tree_data(record, PROBLEM, str))
    page.keyboard.press("Home")
    assert "where every search begins" in page.locator(".why").inner_text()
    for number in range(1, len(record.order)):
        page.keyboard.press(".")
        assert status(page).startswith(f"Step {record.order[number]}, ")
        assert "no selector chose it" in page.locator(".why").inner_text()
    probes = ~record.terminal[record.verified]
    if kind == "probed":
        probed = int(record.verified[probes][0])
        page.keyboard.press("End")
        find(page, rf"^step {probed}\b" if probed else "^prompt")
        page.mouse.down()
        page.mouse.up()
        assert re.search(r"probes\s+\d of \d right", page.locator(".figures").inner_text())


def test_the_keys_are_listed(visit):
    page = visit(tree("frontier"), tree("uct"))
    page.keyboard.press("?")
    listed = page.locator(".tree-help kbd").all_inner_texts()
    assert set("←→↑↓,.sw/nNcCfo?+") | {"space", "Home", "End"} <= set(listed)
    page.keyboard.press("Escape")
    page.locator(".tree-help").wait_for(state="detached")
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Close").click()
    page.locator(".tree-help").wait_for(state="detached")


def test_two_trees_stand_side_by_side_and_are_played_together(visit):
    trees = [tree("frontier"), tree("uct")]
    page = visit(*trees)
    first, second = page.locator("figure").all()
    assert first.bounding_box()["y"] == second.bounding_box()["y"]
    before = [picture(page, 0), picture(page, 1)]
    page.keyboard.press("Home")
    assert all(picture(page, n) != before[n] for n in (0, 1))
    page.get_by_role("slider").fill("3")
    assert "3 expansions" in first.inner_text()
    assert "3 expansions" in second.inner_text()
    assert page.locator(".tree-side h2").inner_text() == "frontier"
    page.locator("canvas").first.focus()
    page.keyboard.press("o")
    assert page.locator(".tree-side h2").inner_text() == "uct"
    assert status(page).startswith(f"Step {trees[1]['choices'][3]['node']}, ")
    first.click(position={"x": 60, "y": 12})
    assert page.locator(".tree-side h2").inner_text() == "frontier"


def test_hostile_texts_stay_texts(visit):
    problem = replace(PROBLEM, id=HOSTILE, prompt=HOSTILE, answer=HOSTILE)
    data = tree(text=lambda node: HOSTILE, problem=problem)
    data["title"] = HOSTILE
    for end in data["ends"]:
        end["answer"] = HOSTILE
    page = visit(data, data)
    find(page, "step")
    page.keyboard.press("Home")
    page.keyboard.press(".")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    shown = page.locator("body").inner_text()
    assert "<script>window.hacked" in shown
    assert "⟨U+202E⟩evil⟨U+2066⟩ ⟨U+0000⟩" in shown
    assert not set(shown) & set("\u202e\u2066\x00")


def test_a_step_of_a_megabyte_is_folded_and_searched(visit):
    data = tree(text=lambda node: f"{LONG}needle {node}" if node == 1 else "short")
    page = visit(data)
    page.keyboard.press("/")
    page.keyboard.type("needle")
    page.keyboard.press("Enter")
    assert status(page).startswith("Step 1, ")
    own = page.locator(".tree-step pre").first
    assert len(own.inner_text()) < 700
    assert own.locator("mark").inner_text() == "needle"
    page.locator(".tree-step .more").first.click()
    assert 10_000 < len(own.inner_text()) <= 20_000
    assert "more characters" in page.locator(".tree-step").inner_text()
