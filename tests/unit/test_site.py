"""The site's live pages and pictures: what they hold, how large they are, and that every address leads somewhere."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from dsk.web.page import linked_page_html, page_html

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SPEC = importlib.util.spec_from_file_location("site_pages", ROOT / "scripts" / "site_pages.py")
assert SPEC is not None
assert SPEC.loader is not None
SITE_PAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(SITE_PAGES)

STORED = sorted((DOCS / "live").glob("*.json"))
LARGEST = 6_000_000
ADDRESS = re.compile(r'(?:src|srcset|href)="(?!https?:)([^"#]+)')
WRITTEN = re.compile(r"\]\((?!https?:)([^)#\s]*(?:live|pictures)/[^)#\s]+)")
DRAWN = re.search(r"const PAGES[^{]*\{ data: any \}>> = \{([^}]*)\}", (ROOT / "web/src/main.tsx").read_text("utf-8"))
PROSE = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def leads_somewhere(target):
    live = target.parent == DOCS / "live" and target.suffix == ".html"
    return (target.with_suffix(".json") if live else target).is_file()


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_picture_and_live_page_that_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    named = [*ADDRESS.findall(text), *WRITTEN.findall(text)]
    assert [address for address in named if not leads_somewhere((page.parent / address).resolve())] == []


def test_every_live_page_and_picture_is_shown_somewhere():
    text = "".join(page.read_text(encoding="utf-8") for page in PROSE)
    pages = [f"live/{file.stem}.html" for file in STORED]
    pictures = [f"pictures/{file.name}" for file in (DOCS / "pictures").iterdir()]
    assert [name for name in pages + pictures if name not in text] == []


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_a_stored_page_is_one_that_the_bundle_draws_and_names_no_place_of_the_machine_that_made_it(file):
    text = file.read_text(encoding="utf-8")
    assert DRAWN is not None
    assert f"{json.loads(text)['data']['page']}:" in DRAWN[1]
    assert not re.search(r"(?<![\w.])/(?:home|root|tmp|work|Users)/", text)


def test_live_pages_and_pictures_together_stay_small():
    files = [*(DOCS / "live").iterdir(), *(DOCS / "pictures").iterdir()]
    assert sum(file.stat().st_size for file in files) < LARGEST


def test_the_site_has_a_page_for_each_stored_one_and_the_bundle_beside_them():
    made = SITE_PAGES.live_pages(DOCS)
    assert set(made) == {f"{file.stem}.html" for file in STORED} | set(SITE_PAGES.BUNDLE)


@pytest.mark.parametrize("make", [page_html, linked_page_html])
def test_hostile_text_stays_data(make):
    hostile = "</script><script>alert(1)</script>"
    text = make(hostile, {"page": "trees", "text": hostile})
    assert hostile not in text
    assert "unsafe-inline" not in text.split("script-src", 1)[1].split(";", 1)[0]


def test_a_linked_page_holds_no_script_but_its_data():
    text = linked_page_html("title", {"page": "trees"})
    assert re.findall(r"<script[^>]*>", text) == ['<script type="application/json" id="data">', '<script src="dsk.js">']
