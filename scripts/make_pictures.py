"""Makes what the README and the site show: the data of `docs/live/*.json` and the pictures of `docs/pictures`.

`make pictures`, or `python scripts/make_pictures.py`: trains the quickstart under two selectors (kept in
`build/pictures/runs`, so that only the first call takes minutes), writes report, trees and comparison with the commands
that anybody has, keeps their data, and photographs them in Chromium, light and dark. `--runs DIR` says where studies'
runs are: the pages of `STUDIES` are made from them, and stay as they are where there are none. Run it when the looks
change, or what the pages hold. Everything comes out the same again except measured seconds and what depends on them.

Needs Chromium and the extra `browser`, as scripts/install_full.sh installs them. It leaves out the platform that the
runs were made on, which would name a machine, and all but a dozen of a comparison's kept trees, for size.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from site_pages import live_pages

ROOT = Path(__file__).resolve().parents[1]
DOCS, WORK = ROOT / "docs", ROOT / "build" / "pictures"
STUDIES = ("methods",)
QUICKSTART = "examples/quickstart.json"
UCT = "rollout.selector.kind=uct"
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
PAGES: dict[str, tuple[str, ...]] = {
    "report": ("report", "runs/quickstart", "--out"),
    "tree": ("tree", "runs/quickstart", "--out"),
    "selectors": ("search", QUICKSTART, "--problem", "train-3", "--against", UCT, "--html"),
    "two_runs": ("compare", "runs/quickstart", "runs/uct", "--html"),
}
"""The site's pages and the command that writes each."""


@dataclass(frozen=True)
class Picture:
    """What is photographed: a page, and the height of the window in pixels."""

    page: str
    height: int


WIDTH = 1400
PICTURES = {
    "report": Picture("report", 1320),
    "tree": Picture("tree", 860),
    "selectors": Picture("selectors", 860),
    "comparison": Picture("methods", 1300),
}
MOVING, MOVING_SIZE, SHOWN_MS, REST_MS = "tree", {"width": 1000, "height": 640}, 700, 3000
"""The page of the moving picture, its window, how long it shows an expansion and the finished tree."""
MOVING_QUALITY, QUALITY = 60, 80
TREES = 12
"""Problems whose trees the site's copy of a comparison holds."""
RESTS_MS = 600
"""After so long nothing moves on a page any more."""
SCHEMES: tuple[Any, ...] = ("light", "dark")


def main() -> None:
    """Train what is missing, write the pages, keep their data, look."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where the studies' runs are [default: runs]")
    runs = parser.parse_args().runs.resolve()
    for folder in (DOCS / "live", DOCS / "pictures", WORK / "live"):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "examples", WORK / "examples", dirs_exist_ok=True)
    train("quickstart")
    train("uct", "--set", "name=uct", "--set", UCT)
    for name, command in PAGES.items():
        dsk(*command, f"{name}.html")
        keep(name, *read_page(WORK / f"{name}.html"))
    for name in STUDIES:
        if (runs / name).is_dir():
            keep(name, name, study_data(name, runs))
    for name, text in live_pages(DOCS).items():
        (WORK / "live" / name).write_text(text, encoding="utf-8")
    photograph()


def train(name: str, *options: str) -> None:
    """A run of the quickstart, unless it is there."""
    if not (WORK / "runs" / name / "summary.json").is_file():
        shutil.rmtree(WORK / "runs" / name, ignore_errors=True)
        dsk("run", QUICKSTART, "--quiet", *options)


def dsk(*words: str) -> None:
    """The command, as the README has it: from a folder that has `examples` and `runs`."""
    subprocess.run([sys.executable, "-m", "dsk", *words], cwd=WORK, check=True, stdout=subprocess.DEVNULL)


def read_page(file: Path) -> tuple[str, dict[str, Any]]:
    """Title and data of a page."""
    text = file.read_text(encoding="utf-8")
    title, data = TITLE.search(text), DATA.search(text)
    assert title is not None
    assert data is not None
    return title[1], json.loads(data[1])


def study_data(name: str, runs: Path) -> dict[str, Any]:
    """The comparison page of a study, from runs that an earlier version may have made: they are read as they are."""
    from dsk.compare.arms import Arm
    from dsk.compare.comparison import compare
    from dsk.compare.page import Again, page_data
    from dsk.compare.runs import read_run
    from dsk.compare.study import load_study

    study = load_study(ROOT / "studies" / f"{name}.json")
    found = {arm: sorted((runs / name / arm).glob("seed-*/")) for arm in study.arms}
    arms = [Arm(arm, tuple(read_run(folder) for folder in folders)) for arm, folders in found.items()]
    assert study.budget is not None
    reading = {"axis": study.budget.axis, "amount": study.budget.amount, "baseline": study.baseline_name}
    comparison = compare(arms, title=study.question, **reading)
    again = Again(
        f"dsk compare studies/{name}.json --html {name}.html", study.model_dump(mode="json", exclude_defaults=True)
    )
    return page_data(comparison, arms, again)


def keep(name: str, title: str, data: Mapping[str, Any]) -> None:
    """Write a page's data to where the site takes it from."""
    from dsk.web.page import json_text

    text = json_text({"title": title, "data": {key: published(key, value) for key, value in data.items()}})
    assert str(ROOT) not in text, f"{name}: holds a path of this machine"
    (DOCS / "live" / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def published(key: str, value: Any) -> Any:
    """A part of a page's data without what the site leaves out."""
    if key == "versions":
        return {name: version for name, version in value.items() if name != "platform"}
    if key == "problems":
        trees = dict(list(value["kept"]["trees"].items())[:TREES])
        return {**value, "kept": {**value["kept"], "trees": trees}}
    return value


def photograph() -> None:
    """Take every picture in every scheme."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in SCHEMES:
            for name, picture in PICTURES.items():
                with opened(browser, picture.page, scheme, {"width": WIDTH, "height": picture.height}) as page:
                    save(f"{name}-{scheme}", [look(page, telling_moment(picture.page))], quality=QUALITY)
            with opened(browser, MOVING, scheme, MOVING_SIZE) as page:
                last = int(page.get_by_role("slider").get_attribute("max"))
                frames = [look(page, number) for number in range(last + 1)]
                moving = {"duration": [SHOWN_MS] * last + [REST_MS], "loop": 0, "quality": MOVING_QUALITY}
                save(f"search-{scheme}", frames, save_all=True, append_images=frames[1:], **moving)
        browser.close()


@contextmanager
def opened(browser: Any, name: str, scheme: str, size: Mapping[str, int]) -> Iterator[Any]:
    """A page of the site in a window."""
    page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page.goto((WORK / "live" / f"{name}.html").as_uri())
    yield page
    page.close()


def telling_moment(name: str) -> int | None:
    """The last expansion that a page's first tree chose from its whole frontier; None of a page of no trees."""
    data = json.loads((DOCS / "live" / f"{name}.json").read_text(encoding="utf-8"))["data"]
    if data["page"] != "trees":
        return None
    choices = data["trees"][0]["choices"]
    return max(number for number, choice in enumerate(choices) if choice["how"] == "frontier")


def look(page: Any, expansion: int | None) -> Image.Image:
    """What the window shows, before an expansion where one is named, once what moves has come to rest."""
    if expansion is not None:
        page.get_by_role("slider").fill(str(expansion))
        page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(RESTS_MS)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(name: str, frames: list[Image.Image], **options: Any) -> None:
    """Write a picture, still or moving."""
    frames[0].save(DOCS / "pictures" / f"{name}.webp", method=6, **options)


if __name__ == "__main__":
    main()
