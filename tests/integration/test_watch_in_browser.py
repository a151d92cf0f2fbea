"""`dsk watch` as a reader uses it: real Chromium, a run that goes on, several laid over each other, its trees."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
from browsing import until
from small_run import save_model, small_spec
from watched_folder import go_on, serving, still_running

import dsk
from dsk.core.run.records import read_records
from dsk.core.run.stored_groups import group_files, read_groups, write_groups

pytestmark = pytest.mark.full

HOSTILE = "</script><img src=x onerror=alert(1)>\u202egnp.\u2066"
WIDTHS = pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1400, "light")])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run of a real, tiny model, with its trees."""
    model = save_model(tmp_path_factory.mktemp("model"))
    spec = small_spec(model, keep="trees", replay=None, evaluate={"samples": 2, "hard_only": False, "every": 1})
    return dsk.run(spec, tmp_path_factory.mktemp("runs") / "whole").folder


@pytest.fixture
def root(tmp_path, whole):
    shutil.copytree(whole, tmp_path / "runs" / "first")
    shutil.copytree(whole, tmp_path / "runs" / "second")
    return tmp_path / "runs"


@pytest.fixture
def visit(browser, root):
    """Open a page of the watched folder; in the end its console must be empty and only its own server asked."""
    with serving(root) as client:
        said, asked = [], []

        def open_page(place="", width=1400, scheme="light"):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.set_default_timeout(20_000)
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: said.append(dialog.message))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(client.address + place)
            return page

        yield open_page
        for context in browser.contexts:
            context.close()
    assert said == []
    assert [url for url in asked if not url.startswith((client.address, "data:", "blob:"))] == []


@contextmanager
def looked_at_again(page):
    """What happens within the block is asked for at once: the page gets the focus."""
    yield
    page.evaluate("dispatchEvent(new Event('focus'))")


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@WIDTHS
def test_the_list_shows_every_run_and_each_opens(visit, width, scheme):
    page = visit(width=width, scheme=scheme)
    names = page.locator(".watch-name a")
    names.first.wait_for()
    assert names.all_inner_texts() == ["first", "second"]
    assert page.locator(".status").all_inner_texts() == ["finished", "finished"]
    assert fits(page)
    page.get_by_role("link", name="second").click()
    page.wait_for_selector(".chart-canvas svg text")
    assert page.locator("h1").inner_text() == "second finished"
    page.get_by_role("link", name="← all runs").click()
    names.first.wait_for()
    assert page.title() == "0 of 2 runs going on"


def test_runs_are_found_by_a_part_of_their_name(visit):
    page = visit()
    page.get_by_label("Name has").fill("SEC")
    until(page, "document.querySelectorAll('.watch-name').length === 1")
    assert page.locator(".watch-name a").inner_text() == "second"


def test_the_list_follows_a_run_without_a_reload(visit, root, whole):
    count = len(read_records(whole))
    folder = still_running(root / "live", whole, count // 3, os.getppid())
    page = visit()
    row = page.locator("tr", has=page.get_by_role("link", name="live"))
    row.locator(".status.running").wait_for()
    before = row.locator(".watch-progress").inner_text()
    with looked_at_again(page):
        go_on(folder, whole, count)
        (folder / "status.json").write_text(json.dumps({"status": "finished"}))
    row.locator(".status.finished").wait_for()
    assert row.locator(".watch-progress").inner_text() != before


@WIDTHS
def test_a_run_s_curves_grow_without_a_reload_and_keep_the_reader_s_choices(visit, root, whole, width, scheme):
    count = len(read_records(whole))
    folder = still_running(root / "live", whole, count // 2, os.getppid())
    page = visit("#run=live", width, scheme)
    chart = page.locator("[aria-label^='Mean reward against']")
    chart.locator("svg text").first.wait_for()
    page.get_by_label("Against", exact=True).select_option("step")
    before = page.locator("[aria-label^='Mean reward against step']").get_attribute("aria-label")
    with looked_at_again(page):
        go_on(folder, whole, count)
    until(page, "before => !document.querySelector(`[aria-label='${before}']`)", before)
    assert page.get_by_label("Against", exact=True).input_value() == "step"
    assert page.locator("[aria-label^='Mean reward against step: reward, 4 points']").count() == 1
    assert fits(page)


@WIDTHS
def test_several_runs_are_laid_over_each_other(visit, width, scheme):
    page = visit(width=width, scheme=scheme)
    page.get_by_label("Choose first").check()
    page.get_by_label("Choose second").check()
    page.get_by_role("link", name="Lay 2 over each other").click()
    chart = page.locator("[aria-label^='Held-out pass@1 against model tokens: first, ']")
    chart.locator("svg text").first.wait_for()
    assert "; second, " in (chart.get_attribute("aria-label") or "")
    reward = page.locator("figure", has_text="Mean reward").first
    assert reward.locator(".legend button").all_inner_texts() == ["first", "second"]
    reward.locator(".legend button").first.click()
    assert reward.locator(".legend button").first.get_attribute("aria-pressed") == "false"
    assert fits(page)
    page.reload()
    chart.locator("svg text").first.wait_for()


@WIDTHS
def test_the_newest_trees_are_shown_and_followed(visit, root, width, scheme):
    folder = root / "first"
    newest = sorted(folder.glob("trees/*.jsonl.zst"))[-2:]
    aside = [file.rename(folder.parent.parent / file.name) for file in newest]
    page = visit("#run=first", width, scheme)
    page.locator("#trees .tree-viewer canvas").first.wait_for()
    assert "of step 3" in page.locator("#trees .left-out").inner_text()
    with looked_at_again(page):
        for file in aside:
            file.rename(folder / "trees" / file.name)
    page.locator("#trees .left-out", has_text="of step 4").wait_for()
    assert fits(page)


def test_trees_that_somebody_looks_into_stay_until_asked(visit, root):
    folder = root / "first"
    newest = sorted(folder.glob("trees/*.jsonl.zst"))[-2:]
    aside = [file.rename(folder.parent.parent / file.name) for file in newest]
    page = visit("#run=first")
    page.get_by_label("Search the steps").or_(page.locator(".tree-search input")).first.click()
    with looked_at_again(page):
        for file in aside:
            file.rename(folder / "trees" / file.name)
    newer = page.get_by_role("button", name="Show the trees of step 4")
    newer.wait_for()
    assert "of step 3" in page.locator("#trees .left-out").inner_text()
    newer.click()
    page.locator("#trees .left-out", has_text="of step 4").wait_for()


def test_the_report_of_a_file_has_the_trees_too(whole, browser):
    page = browser.new_page()
    page.goto(dsk.report.write_report(whole, whole.parent / "report.html").as_uri())
    page.locator("#trees .tree-viewer canvas").first.wait_for()
    shown = page.locator("#trees [role='group'][aria-label='Problem'] button")
    last = shown.last.locator("bdi").inner_text()
    shown.last.click()
    assert page.locator("#trees button[aria-pressed='true'] bdi").first.inner_text() == last
    assert f"dsk tree {whole} --list" in page.locator("#trees .left-out").inner_text()


@WIDTHS
def test_hostile_names_reasons_and_texts_stay_text(visit, root, width, scheme):
    name = HOSTILE.replace("/", "")
    (root / "second").rename(root / name)
    (root / name / "status.json").write_text(json.dumps({"status": "failed", "reason": HOSTILE + "y" * 2000}))
    for file in group_files(root / name):
        groups = read_groups(file)
        write_groups(file, [replace(g, problem=replace(g.problem, prompt=HOSTILE, answer=HOSTILE)) for g in groups])
    page = visit(width=width, scheme=scheme)
    link = page.locator(".watch-name a", has_text="img src=x")
    link.wait_for()
    assert fits(page)
    link.click()
    page.wait_for_selector("#trees .tree-viewer canvas")
    assert "<img src=x onerror=alert(1)>" in page.locator("main").inner_text()
    assert page.locator("img").count() == 0
    assert fits(page)


def test_a_broken_run_a_missing_one_and_no_run_are_sentences(visit, root):
    (root / "second" / "spec.json").write_text("{")
    page = visit()
    page.locator("tr.broken", has_text="damaged").wait_for()
    page.goto(page.url.split("#")[0] + "#run=gone")
    page.locator(".watch-fault", has_text="no such run (yet)").wait_for()
    shutil.rmtree(root)
    page.goto(page.url.split("#")[0] + "#")
    page.get_by_text("There are no runs in this folder yet.").wait_for()


def test_a_server_that_is_gone_is_told_and_what_was_shown_stays(browser, root):
    with serving(root) as client:
        page = browser.new_page()
        page.goto(client.address)
        page.locator(".watch-name a").first.wait_for()
    with looked_at_again(page):
        pass
    page.locator(".watch-pulse.silent").wait_for()
    assert page.locator(".watch-name a").all_inner_texts() == ["first", "second"]
    page.close()
