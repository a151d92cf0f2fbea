"""A run's page as a reader uses it: real Chromium, wide and narrow, light and dark, without a network."""

import shutil
from dataclasses import replace

import pytest
from browsing import until
from small_run import save_model, small_spec

import dsk
from dsk.core.run.records import write_packed
from dsk.core.run.stored_groups import group_files, read_groups, step_file, write_groups
from dsk.report import write_report

pytestmark = pytest.mark.full
api = pytest.importorskip("playwright.sync_api")

SERIES = ", ".join(f"[stroke='rgb({colour})']" for colour in ("0, 114, 178", "213, 94, 0"))
HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(2)</script>\u202egnp.\u2066"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    model = save_model(tmp_path_factory.mktemp("model"))
    evaluate = {"samples": 2, "hard_only": False, "every": 1}
    return dsk.run(small_spec(model, evaluate=evaluate), tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture(scope="module")
def address(finished):
    return write_report(finished.folder).as_uri()


@pytest.fixture(scope="module")
def hostile(finished, tmp_path_factory):
    """The page of a run whose problems, answers and filtered responses attack it."""
    folder = tmp_path_factory.mktemp("hostile") / "run"
    shutil.copytree(finished.folder, folder)
    for file in group_files(folder):
        groups = [
            replace(g, problem=replace(g.problem, prompt=HOSTILE, answer=HOSTILE + "x" * 1_000_000))
            for g in read_groups(file)
        ]
        write_groups(file, [replace(g, trajectories=tuple(map(_attacking, g.trajectories))) for g in groups])
    write_packed(step_file(folder, 0, ".filtered"), [{"problem": HOSTILE, "reason": HOSTILE, "text": HOSTILE}])
    return write_report(folder).as_uri()


def _attacking(trajectory):
    return replace(trajectory, answer=HOSTILE + "y" * 1_000_000)


class Reader:
    """A page with what it said and asked for; its charts, and what stands on their axes."""

    def __init__(self, browser, address: str, width: int = 1400, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.set_default_timeout(10_000)
        self.page.goto(address)
        self.page.wait_for_selector(".chart-canvas svg text")

    def chart(self, title: str):
        figure = self.page.locator("figure.chart", has=self.page.locator("figcaption", has_text=title)).first
        figure.scroll_into_view_if_needed()
        return figure.locator(".chart-canvas")

    def axis(self, title: str) -> list[str]:
        return self.chart(title).locator("svg text").all_text_contents()

    def curves(self, title: str):
        """Its lines in the colours of series: not those of its grid, not its markers."""
        return self.chart(title).locator(f"svg path[fill='none']:is({SERIES})")

    def drag(self, title: str, start: float, end: float) -> None:
        box = self.chart(title).bounding_box()
        middle = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + start * box["width"], middle)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end * box["width"], middle + 20, steps=5)
        self.page.mouse.up()

    def colour(self, selector: str, name: str) -> str:
        return self.page.eval_on_selector(selector, f"node => getComputedStyle(node)['{name}']")


@pytest.fixture
def open_page(browser):
    opened: list[Reader] = []

    def opening(*args, **settings) -> Reader:
        opened.append(Reader(browser, *args, **settings))
        return opened[-1]

    yield opening
    for reader in opened:
        reader.page.close()


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["address", "hostile"])
def test_the_page_is_readable(open_page, request, which, width, scheme):
    address = request.getfixturevalue(which)
    reader = open_page(address, width=width, scheme=scheme)
    assert reader.said == []
    assert reader.asked == [address], "the page stands alone"
    assert reader.page.locator(".headline").inner_text().startswith("Held-out pass@1")
    assert reader.chart("Mean reward").bounding_box()["width"] > 300
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    ground = reader.colour("body", "backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")


def test_hovering_says_the_figures_of_the_record(open_page, address, finished):
    reader = open_page(address)
    box = reader.chart("Held-out pass@1").bounding_box()
    reader.page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 100)
    told = reader.page.locator(".tip").first
    told.wait_for()
    last = finished.records[-2]
    assert last["event"] == "evaluation"
    words = told.inner_text()
    assert f"model tokens {last['model_tokens']:,}" in words
    assert f"{100 * last['pass_at_1']:.1f}".removesuffix(".0") + "%" in words
    assert "[" in words, "the interval"


def test_a_box_zooms_every_chart_and_a_double_click_shows_all(open_page, address):
    reader = open_page(address)
    before = reader.axis("Mean reward")
    reader.drag("Held-out pass@1", 0.4, 0.7)
    reader.page.wait_for_selector(".reset:enabled")
    api.expect(reader.chart("Mean reward").locator("svg text")).not_to_have_text(before)
    reader.chart("Held-out pass@1").dblclick()
    reader.page.wait_for_selector(".reset:disabled")
    api.expect(reader.chart("Mean reward").locator("svg text")).to_have_text(before)


def test_the_wheel_scrolls_the_page_and_with_ctrl_zooms_the_chart(open_page, address):
    reader = open_page(address)
    box = reader.chart("Held-out pass@1").bounding_box()
    reader.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    before = reader.page.evaluate("scrollY")
    reader.page.mouse.wheel(0, 40)
    until(reader.page, "before => scrollY > before", before)
    assert reader.page.locator(".reset").is_disabled()
    reader.page.keyboard.down("Control")
    reader.page.mouse.wheel(0, -40)
    reader.page.wait_for_selector(".reset:enabled")


def test_keys_zoom_a_focused_chart(open_page, address):
    reader = open_page(address)
    before = reader.axis("Loss")
    reader.chart("Loss").focus()
    reader.page.keyboard.press("+")
    reader.page.wait_for_selector(".reset:enabled")
    api.expect(reader.chart("Loss").locator("svg text")).not_to_have_text(before)
    zoomed = reader.axis("Loss")
    reader.page.keyboard.press("ArrowRight")
    api.expect(reader.chart("Loss").locator("svg text")).not_to_have_text(zoomed)
    reader.page.keyboard.press("0")
    reader.page.wait_for_selector(".reset:disabled")
    api.expect(reader.chart("Loss").locator("svg text")).to_have_text(before)


def test_smoothing_draws_the_mean_before_the_figures(open_page, address):
    reader = open_page(address)
    lines = reader.curves("Mean reward")
    api.expect(lines).to_have_count(1)
    figures = lines.get_attribute("d")
    reader.page.get_by_label("Smoothing").fill("0.9")
    api.expect(lines).to_have_count(2)
    drawn = lines.evaluate_all("paths => paths.map(path => path.getAttribute('d'))")
    assert len(set(drawn)) == 2
    assert figures.split("L")[0] in {line.split("L")[0] for line in drawn}, "the mean begins with the first figure"


def test_the_budget_axis_is_the_readers_choice(open_page, address):
    reader = open_page(address)
    for name in ("sampled tokens", "seconds", "updates", "step", "model tokens"):
        reader.page.get_by_label("Against", exact=True).select_option(label=name)
        api.expect(reader.chart("Entropy").locator("svg text").filter(has_text=name)).to_have_count(1)


def test_a_name_in_the_legend_switches_its_curve_off_and_on(open_page, address):
    reader = open_page(address)
    curves = reader.curves("Entropy")
    api.expect(curves).to_have_count(2)
    name = reader.page.get_by_role("button", name="all sampled")
    name.click()
    api.expect(name).to_have_attribute("aria-pressed", "false")
    api.expect(curves).to_have_count(1)
    name.click()
    api.expect(curves).to_have_count(2)


def test_a_bar_says_what_its_step_went_to(open_page, address, finished):
    reader = open_page(address)
    box = reader.chart("Model tokens").bounding_box()
    reader.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = reader.chart("Model tokens").locator(".tip")
    told.wait_for()
    assert {"rollouts", "screening", "in all"} <= set(told.inner_text().split("\n"))


def test_problems_are_chosen_by_split_and_standing(open_page, address):
    reader = open_page(address)
    rows = reader.page.locator(".problems tbody tr")
    api.expect(rows).to_have_count(8)
    reader.page.get_by_role("button", name="Held out").click()
    api.expect(rows).to_have_count(4)
    for name in ("Never solved", "Newly solved", "Forgotten", "Solved throughout"):
        button = reader.page.locator("#problems").get_by_role("button", name=name)
        if button.is_enabled():
            button.click()
            api.expect(rows).to_have_count(int(button.inner_text().split()[-1]))


def test_an_example_opens_at_a_click(open_page, address):
    reader = open_page(address)
    example = reader.page.locator("details.example").last
    answer = example.locator(".answer").first
    shut = example.get_attribute("open") is None
    assert answer.is_visible() is not shut
    example.locator("> summary").click()
    assert answer.is_visible() is shut


def test_hostile_text_is_shown_and_does_nothing(open_page, hostile):
    reader = open_page(hostile)
    assert reader.said == []
    assert reader.page.locator("img").count() == 0
    assert reader.page.locator("script").count() == 2
    shown = reader.page.locator("#examples").inner_text()
    assert "<img src=x onerror=alert(1)>" in shown
    assert "more characters" in shown
    isolated = reader.page.eval_on_selector_all(
        "#examples .written, #filtered pre, #examples bdi", "nodes => nodes.map(n => getComputedStyle(n).unicodeBidi)"
    )
    assert set(isolated) <= {"isolate", "plaintext"}
    assert isolated


def test_on_paper_a_dark_page_is_light_and_whole(open_page, address):
    reader = open_page(address, scheme="dark")
    reader.page.emulate_media(media="print")
    reader.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert reader.colour("body", "color") == "rgb(26, 29, 33)"
    assert not reader.page.locator(".controls").is_visible()
    assert reader.page.locator("details:not([open])").count() == 0
    drawing = reader.chart("Mean reward").locator("svg")
    assert drawing.bounding_box()["height"] > 50
    inks = drawing.locator("text").evaluate_all("texts => texts.map(text => text.getAttribute('fill'))")
    assert set(inks) == {"rgb(90, 98, 108)"}
