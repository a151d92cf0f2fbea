"""A run's page as a reader sees it: real Chromium, wide and narrow, light and dark, without a network."""

import shutil

import pytest
from small_run import save_model, small_spec

import dsk
from dsk.report import write_report

pytestmark = pytest.mark.full

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    model = save_model(tmp_path_factory.mktemp("model"))
    finished = dsk.run(small_spec(model), tmp_path_factory.mktemp("runs") / "whole")
    return write_report(finished.folder).as_uri()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield started
        started.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_readable(browser, address, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)

    assert said == []
    assert asked == [address], "the page stands alone"
    assert page.locator(".headline").inner_text().startswith("Held-out pass@1")
    assert page.locator("svg").first.bounding_box()["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"


def test_a_problem_opens_at_a_click(browser, address):
    page = browser.new_page()
    page.goto(address)
    problem = page.locator("details").last
    answer = problem.locator(".answer").first
    shut = problem.get_attribute("open") is None
    assert answer.is_visible() is not shut
    problem.locator("summary").click()
    assert answer.is_visible() is shut
