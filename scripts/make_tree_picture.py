"""Takes docs/pictures/tree.png: a search of the quickstart, one expansion before its end.

Needs Chromium and the extra `browser`, as scripts/install_full.sh installs them. Run it when the looks change.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "tree.png"
SEARCH = ("search", "examples/quickstart.json", "--problem", "train-3", "--html")
AT = 24
"""The expansion shown: one that the frontier chose, after wrong and right ends."""


def main() -> None:
    """Search, open, go to the moment, look."""
    from playwright.sync_api import sync_playwright

    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "tree.html"
        subprocess.run([sys.executable, "-m", "dsk", *SEARCH, str(page_file)], check=True, cwd=ROOT)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 860})
        page.goto(page_file.as_uri())
        page.get_by_role("slider").fill(str(AT))
        page.locator("canvas").evaluate("canvas => document.activeElement.blur()")
        page.wait_for_timeout(300)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
