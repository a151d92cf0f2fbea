"""mkdocs hook: the site's live pages out of `docs/live/*.json`, and what its results pages need.

`docs/live/NAME.json` is the data of a page that dsk wrote (scripts/make_pictures.py keeps it); the site has it as
`live/NAME.html`, with the bundle of `dsk/web/static` beside it once instead of in every page.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from dsk.web.page import SCRIPT, STYLE, linked_page_html

LIVE = "live"
RESULTS = "results/"
BUNDLE = (SCRIPT, STYLE, "licences.txt")


def live_pages(docs: Path) -> dict[str, str]:
    """Every file of the site's folder `live`: its name and its text."""
    stored = sorted((docs / LIVE).glob("*.json"))
    pages = {file.with_suffix(".html").name: _page(json.loads(file.read_text(encoding="utf-8"))) for file in stored}
    static = resources.files("dsk.web").joinpath("static")
    return pages | {name: static.joinpath(name).read_text(encoding="utf-8") for name in BUNDLE}


def _page(stored: dict[str, Any]) -> str:
    return linked_page_html(stored["title"], stored["data"])


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Put the pages in the place of their data."""
    from mkdocs.structure.files import File

    for file in [file for file in files if PurePosixPath(file.src_uri).parent == PurePosixPath(LIVE)]:
        files.remove(file)
    for name, text in live_pages(Path(config["docs_dir"])).items():
        files.append(File.generated(config, f"{LIVE}/{name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Give the results pages' tables the room of the list of contents."""
    if page.file.src_uri.startswith(RESULTS):
        page.meta.setdefault("hide", ["toc"])
    return markdown


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Mark the results pages for docs/stylesheets/site.css."""
    return f'<div class="results">{html}</div>' if page.file.src_uri.startswith(RESULTS) else html
