"""The built site as a reader sees it: real Chromium, wide and narrow, light and dark, a clean console."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
LIVE = sorted(file.stem for file in (ROOT / "docs" / "live").glob("*.json"))
WIDE, NARROW = 1400, 390


class Silent(SimpleHTTPRequestHandler):
    """Serves the site without a line a request."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def served(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def visit(browser):
    """Open an address; at the end the console must have stayed empty, and nothing been asked from elsewhere."""
    opened = []

    def open_page(address, width=WIDE, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_load_state("networkidle")
        opened.append((page, said, asked))
        return page

    yield open_page
    for page, said, asked in opened:
        assert said == []
        assert [url for url in asked if not url.startswith(("http://127.0.0.1", "file:", "data:", "blob:"))] == []
        page.close()


def overflow(page):
    """How many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", LIVE)
def test_a_live_page_opens_from_disk_with_its_shared_bundle(name, width, visit, site):
    page = visit((site / "live" / f"{name}.html").as_uri(), width)
    page.wait_for_selector("#root h1")
    assert overflow(page) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("address", ["index.html", "gallery.html", "results/methods.html"])
def test_a_page_with_pictures_fits_and_has_them_all(address, width, scheme, visit, served):
    page = visit(f"{served}/{address}", width, color_scheme=scheme)
    page.locator("img").evaluate_all("images => images.forEach(image => image.loading = 'eager')")
    pictures = page.locator(".still img").all()
    assert pictures
    for picture in pictures:
        picture.evaluate("image => image.decode()")
        assert picture.evaluate("image => image.currentSrc").endswith(f"-{scheme}.webp")
    assert overflow(page) <= 0


def test_the_landing_page_plays_a_search_by_itself(visit, served):
    from playwright.sync_api import expect

    page = visit(f"{served}/index.html")
    slider = page.frame_locator(".live iframe").get_by_role("slider")
    expect(slider).to_have_value("1")
    expect(slider).to_have_value("2")


def test_the_playback_repeats_until_it_is_touched(visit, site):
    from playwright.sync_api import expect

    page = visit(f"{(site / 'live' / 'tree.html').as_uri()}#play")
    slider = page.get_by_role("slider")
    last = slider.get_attribute("max")
    page.get_by_label("Speed").select_option("4")
    expect(slider).to_have_value(last, timeout=30_000)
    expect(slider).to_have_value("1", timeout=30_000)
    page.keyboard.press("End")
    expect(slider).to_have_value(last)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_it_does_not_play_for_a_reader_who_asks_for_less_motion(visit, site):
    page = visit(f"{(site / 'live' / 'tree.html').as_uri()}#play", reduced_motion="reduce")
    slider = page.get_by_role("slider")
    assert slider.input_value() == slider.get_attribute("max")


def test_a_narrow_landing_page_shows_the_moving_picture_instead_of_the_frame(visit, served):
    page = visit(f"{served}/index.html", NARROW)
    assert not page.locator(".live iframe").is_visible()
    assert page.locator(".still.narrow img").is_visible()


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_verdicts_of_a_wide_table_scroll_into_view_beside_the_arms_names(width, visit, served):
    page = visit(f"{served}/results/methods.html", width)
    arm = page.locator("td", has_text="treerl").last
    verdict = page.locator("td", has_text="better by 27.5 points")
    verdict.scroll_into_view_if_needed()
    lines = "cell => { const all = new Range(); all.selectNodeContents(cell); return all.getClientRects().length }"
    assert arm.evaluate(lines) == 1
    left, shown = arm.bounding_box(), verdict.bounding_box()
    assert left["x"] >= 0
    assert shown["x"] >= left["x"] + left["width"] - 1
    assert shown["x"] + shown["width"] <= width
