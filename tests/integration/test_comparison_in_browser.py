"""A comparison's page as a reader uses it: real Chromium, by clicks and keys, wide and narrow, without a network."""

import pytest
from run_folders import keep_groups, steady, write_run

from dsk.compare.arms import Arm, group_runs
from dsk.compare.comparison import compare
from dsk.compare.page import Again, write_page
from dsk.compare.runs import find_runs, read_run

pytestmark = pytest.mark.full

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">\u202e\u2028"
LONG = "an-arm-with-a-name-that-nobody-would-want-to-read-to-its-end-" * 4
ASKED = "Two and five are how many?"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        for name, slope, chosen in (("full", 0.3, "frontier"), ("mid", 0.5, "random"), ("uct", 0.1, "uct")):
            overrides = [f"rollout.selector.kind={chosen}"]
            points = (0, 300, 700, 1000)
            place = folder / f"{name}-{seed}"
            write_run(place, steady(slope, seed), seed=seed, overrides=overrides, points=points, problems=40)
            keep_groups(place, {"train-3": ASKED, "train-4": HOSTILE, "train-5": "long " * 200_000})
    return group_runs([read_run(place) for place in find_runs([folder])])


@pytest.fixture(scope="module")
def address(runs, tmp_path_factory):
    return _page(runs, tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture(scope="module")
def hostile_address(runs, tmp_path_factory):
    arms = [Arm(f"{arm.name} {tail}", arm.runs) for arm, tail in zip(runs, (HOSTILE, LONG, "x" * 300), strict=True)]
    return _page(arms, tmp_path_factory.mktemp("hostile") / "page.html")


def _page(arms, place):
    write_page(
        compare(arms, title=f"Which? {HOSTILE}"), arms, place, Again(f"dsk compare {HOSTILE}", {"name": HOSTILE})
    )
    return place.as_uri()


@pytest.fixture
def open_page(browser):
    """Opens a page, which must say nothing on the console and ask for nothing but itself."""
    opened = []

    def opening(address, width=1400, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        opened.append((page, said, asked, address))
        return page

    yield opening
    for page, said, asked, address in opened:
        assert said == []
        assert asked == [address], "the page stands alone"
        page.close()


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["address", "hostile_address"])
def test_the_page_does_not_scroll_sideways(open_page, request, width, scheme, kind):
    page = open_page(request.getfixturevalue(kind), width, scheme)
    assert page.locator(".answer-line").inner_text()
    assert page.locator("#arms svg").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#problems .cell").first.click()
    assert page.locator(".opened").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def _column(page, head):
    heads = page.locator("#table thead th").all_inner_texts()
    place = next(i for i, text in enumerate(heads) if text.startswith(head))
    return page.locator(f"#table tbody tr td:nth-child({place + 1})").all_inner_texts()


def test_a_press_on_a_head_sorts_turns_round_and_restores(open_page, address):
    page = open_page(address)
    before = _column(page, "arm")
    head = page.locator("#table thead th", has_text="pass@1 %")
    head.locator("button").click()
    falling = [float(text.split()[0]) for text in _column(page, "pass@1 %")]
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) > 1
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").press("Enter")
    assert [float(text.split()[0]) for text in _column(page, "pass@1 %")] == falling[::-1]
    head.locator("button").click()
    assert _column(page, "arm") == before


def test_what_cannot_be_sorted_stays_last(open_page, address):
    page = open_page(address)
    head = page.locator("#table thead th", has_text="p (Holm)").locator("button")
    for _ in range(2):
        head.click()
        assert _column(page, "p (Holm)")[-1] == "-"


def test_the_curves_change_to_the_axis_that_one_picks(open_page, address):
    page = open_page(address)
    label = page.locator("#curves .chart-canvas")
    assert "against model tokens" in label.get_attribute("aria-label")
    for name in ("generated tokens", "seconds", "updates"):
        page.locator("#curves select").select_option(label=name)
        assert f"against {name}" in label.get_attribute("aria-label")
        page.locator("#curves svg text", has_text=name).wait_for()


def test_hovering_a_difference_says_its_figures_and_each_seed(open_page, address):
    page = open_page(address)
    drawing = page.locator("#arms .chart-canvas").first
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    tip = page.locator("#arms .tip").first
    tip.wait_for()
    told = tip.inner_text()
    assert told.startswith("mid")
    assert all(f"seed {seed}" in told for seed in range(3))


def test_pointing_at_a_problem_shows_what_it_asks_and_a_press_opens_it(open_page, address):
    page = open_page(address)
    page.locator("#problems .tabs button", has_text="trained on").click()
    cell = page.locator("#problems .cell[aria-label*='train-3']").first
    cell.hover()
    assert ASKED in page.locator(".readout").inner_text()
    assert page.locator(".opened").count() == 0
    cell.click()
    opened = page.locator(".opened")
    assert ASKED in opened.inner_text()
    assert opened.locator(".answer.right").count() == 3, "one of every arm"
    assert opened.locator(".answer.wrong").count() == 3
    cell.click()
    assert opened.count() == 0


def test_held_out_problems_say_that_their_answers_are_not_kept(open_page, address):
    page = open_page(address)
    page.locator("#problems .cell").first.click()
    assert "no answers to them" in page.locator(".opened").inner_text()


def test_the_matrix_is_walked_and_opened_by_keys(open_page, address):
    page = open_page(address)
    page.locator("#problems .cell").first.focus()
    first = page.locator(".readout strong").first.inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("[document.activeElement.dataset.row, document.activeElement.dataset.column]")
    assert focused == ["1", "1"]
    second = page.locator(".readout strong").first.inner_text()
    assert second != first
    page.keyboard.press("Enter")
    assert page.locator(".opened-head strong").inner_text() == second
    page.keyboard.press("Escape")
    assert page.locator(".opened").count() == 0
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.column") == "39"


def test_the_matrix_can_show_differences_and_put_disagreement_first(open_page, address):
    page = open_page(address)
    names = "[...document.querySelectorAll('#problems .cell[data-row=\"0\"]')].map(cell => cell.ariaLabel)"
    before = page.evaluate(names)
    page.locator("#problems select").nth(0).select_option("disagreement")
    page.locator("#problems select").nth(1).select_option("difference")
    after = page.evaluate(names)
    assert all(label.endswith(": 0 points") for label in after), "the baseline differs from itself in nothing"
    assert [label.rsplit(":")[0] for label in after] != [label.rsplit(":")[0] for label in before]


def test_hostile_names_and_problems_are_text(open_page, hostile_address):
    page = open_page(hostile_address)
    page.locator("#problems .tabs button", has_text="trained on").click()
    for name in ("train-4", "train-5"):
        page.locator(f"#problems .cell[aria-label*='{name}']").first.click()
        assert page.locator(".opened").is_visible()
    assert page.title().startswith("Which? </script>")
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2


def test_everything_can_be_printed(open_page, address):
    page = open_page(address, scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.pdf(format="A4").startswith(b"%PDF")
