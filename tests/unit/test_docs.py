"""The documentation that comes from docstrings is what the docstrings say, and names only what is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from dsk.core.hookspecs import all_hooks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SPEC = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
assert SPEC is not None
assert SPEC.loader is not None
MAKE_DOCS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MAKE_DOCS)
GENERATED = MAKE_DOCS.pages()
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
PATHS = re.compile(r"`((?:core|components|dsk|docs|examples|studies|scripts|tests|benchmarks)/[\w./-]+)`")


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_up_to_date(name):
    """Where this fails: python scripts/make_docs.py."""
    assert (DOCS / name).read_text(encoding="utf-8") == GENERATED[name]


def test_every_page_is_in_the_navigation():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path.parent.name != "results"]
    assert [page for page in pages if page not in nav] == []


def test_every_hook_is_documented():
    text = "".join(GENERATED.values())
    assert [name for name in all_hooks() if name not in text] == []


def test_the_navigation_has_a_line_for_every_role():
    """Where this fails: python scripts/make_docs.py."""
    text = MAKE_DOCS.MKDOCS.read_text(encoding="utf-8")
    assert MAKE_DOCS.navigation(text) == text


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page):
    found = PATHS.findall(page.read_text(encoding="utf-8"))
    named = {path for path in found if not re.search("NAME|ROLE|KIND", path)}
    assert [path for path in sorted(named) if not ((ROOT / path).exists() or (ROOT / "dsk" / path).exists())] == []
