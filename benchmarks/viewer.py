"""How fluid the tree viewer is: seconds to the first drawing of a tree, frames a second while it is dragged and played.

`python benchmarks/viewer.py [--nodes 10000] [--out FILE] [--page FILE]`. The tree is grown by a random policy under the
default selector; the browser is the system's Chromium without a display, so all of it is drawn by the processor.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from side_by_side import Figure, figure, show, write
from tree_work import untaught

WIDTH, DEPTH, SECONDS = 8, 40, 4.0
WORDS = ("so", "the", "sum", "of", "both", "sides", "is", "even", "and", "we", "take", "the", "rest", "modulo", "seven")
COUNT = """seconds => new Promise(done => {
  const times = [];
  const tick = now => { times.push(now); now - times[0] < 1000 * seconds ? requestAnimationFrame(tick) : done(
    [(times.length - 1) / ((now - times[0]) / 1000), Math.max(...times.slice(1).map((t, i) => t - times[i]))]) };
  requestAnimationFrame(tick); })"""


def grown(nodes: int) -> dict[str, Any]:
    """A tree of about so many nodes, as the viewer's data."""
    from dataclasses import replace

    from dsk.components.rollouts.jobs.tree_search import TreeSearch
    from dsk.components.rollouts.tree import Tree
    from dsk.core.roles import Known
    from dsk.core.types import Problem, Sample, Verdict
    from dsk.treeview import Rules, tree_data

    draw, endless = random.Random(0), 1 << 20
    spec = Tree(width=WIDTH, max_depth=DEPTH, trajectories=endless, max_expansions=nodes // WIDTH, record="all")
    problem = Problem("benchmark", "A tree of a random policy.", "7")
    search = TreeSearch(problem, Known((1,)), spec, 0, replace(untaught(endless), keep_trees=True))
    while requests := search.requests():
        samples = [sample(draw, Sample) for _ in range(WIDTH)]
        for question in search.deliver(requests[0].id, samples):
            right = draw.random() < 0.2
            search.answer(question.id, Verdict(right, "7" if right else "6", "equal"))
    record = search.group().tree
    assert record is not None
    rules = Rules(spec.selector, spec.backup, spec.exploration, spec.gamma_min, spec.max_depth, endless)
    return tree_data(record, problem, lambda tokens: " ".join(WORDS[t % len(WORDS)] for t in tokens), rules)


def sample(draw: random.Random, kind: Callable[..., Any]) -> Any:
    """A step of twelve words; one in seven ends the response."""
    tokens = tuple(draw.randrange(1000) for _ in range(12))
    logprobs = tuple(-draw.expovariate(2) for _ in tokens)
    return kind(tokens, logprobs, "eos" if draw.random() < 1 / 7 else "length", 0)


def figures(page_file: Path, nodes: int) -> Iterator[Figure]:
    """What a browser makes of the page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(page_file.as_uri())
        while not page.evaluate("performance.getEntriesByName('dsk tree drawn').length"):
            page.wait_for_timeout(20)  # wait_for_function evaluates text, which the page's policy forbids
        first = page.evaluate("performance.getEntriesByName('dsk tree drawn')[0].startTime / 1000")
        yield figure(f"first drawing, {nodes} nodes", first, "s")
        yield from while_dragged(page, "the whole tree")
        for _ in range(8):
            page.keyboard.press("+")
        yield from while_dragged(page, "close enough to read")
        page.keyboard.press("f")
        page.keyboard.press(" ")
        yield from counted(page, "playback of the whole tree")
        browser.close()


def while_dragged(page: Any, what: str) -> Iterator[Figure]:
    """Frames while the mouse drags the tree to and fro."""
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(f"() => {{ window.frames_ = ({COUNT})({SECONDS}) }}")
    started, far = time.perf_counter(), 1
    while time.perf_counter() - started < SECONDS:
        page.mouse.move(x + far, y + far, steps=10)
        far = -far if abs(far) > 60 else far + (11 if far > 0 else -11)
    rate, longest = page.evaluate("() => window.frames_")
    page.mouse.up()
    yield figure(f"panning {what}", rate, "frames/s")
    yield figure(f"longest frame, panning {what}", longest, "ms")


def counted(page: Any, what: str) -> Iterator[Figure]:
    """Frames while nothing but the page is at work."""
    rate, longest = page.evaluate(f"({COUNT})({SECONDS})")
    yield figure(what, rate, "frames/s")
    yield figure(f"longest frame, {what}", longest, "ms")


def main() -> None:
    """Grow, write, look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--page", type=Path, help="keep the page here")
    arguments = parser.parse_args()
    from dsk.treeview import trees_page

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        data = grown(arguments.nodes)
        text = trees_page("benchmark", [data])
        seconds, nodes = time.perf_counter() - started, len(data["nodes"]["parent"])
        path = (arguments.page or Path(folder) / "tree.html").resolve()
        path.write_text(text, encoding="utf-8")
        found = [
            figure(f"searched, replayed and written, {nodes} nodes", seconds, "s"),
            figure("the page", len(text.encode()) / 1e6, "MB"),
            *figures(path, nodes),
        ]
    show(found)
    write(arguments.out, found)


if __name__ == "__main__":
    main()
