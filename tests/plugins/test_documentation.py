"""The documentation's blocks, executed in order in a clean environment, and the site built with warnings as errors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from clean_environment import ROOT, SHORT, Environment, build, make

from dsk.core.loading import override

pytestmark = pytest.mark.full
PAGES = [
    "tutorial.md",
    "plugins.md",
    "python.md",
    *sorted(f"recipes/{p.name}" for p in (ROOT / "docs/recipes").glob("*")),
]
FENCE = re.compile(r"^```(?P<language>\w+)(?P<options>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block: `sh` and untitled `python` run, titled ones are files, `text` is the output of the one before.

    `sh fails` must exit with an error; `edit` replaces the part above `---` of a file by the part below it.
    """

    language: str
    options: str
    text: str

    @property
    def title(self) -> str | None:
        found = TITLE.search(self.options)
        return found[1] if found else None


def blocks(page: str) -> list[Block]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [Block(m["language"], m["options"], m["text"]) for m in FENCE.finditer(text)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Environment:
    folder = tmp_path_factory.mktemp("docs")
    return make(folder / "venv", build(folder / "dist"))


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder like the repository's root, whose quickstart is cut to one step."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".hypothesis"))
    quickstart = tmp_path / "examples" / "quickstart.json"
    short = override(json.loads(quickstart.read_text()), [f"{path}={value}" for path, value in SHORT.items()])
    quickstart.write_text(json.dumps(short))
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_a_pages_blocks_do_what_the_page_says(page, environment, place):
    output = ""
    for block in blocks(page):
        if block.title:
            write(place / block.title, block)
        elif block.language == "text":
            check(output, block.text)
        elif block.language in ("sh", "python"):
            output = execute(block, environment, place)


def write(path: Path, block: Block) -> None:
    if not block.options.endswith("edit"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return
    old, new = block.text.split("---\n")
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} has this {text.count(old)} times:\n{old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def execute(block: Block, environment: Environment, place: Path) -> str:
    """What the block prints; its exit status must be the one that the page claims."""
    program = ["bash", "-euc", block.text] if block.language == "sh" else ["python", "-c", block.text]
    done = environment.start(*program, cwd=place)
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == ("fails" in block.options), (
        f"{block.text}\nexit {done.returncode}\n{output[-3000:]}"
    )
    return output


def check(output: str, expected: str) -> None:
    """Each expected line is in the output, in this order."""
    rest = " ".join(output.split())
    for line in expected.splitlines():
        wanted = " ".join(line.split())
        assert wanted in rest, f"expected: {wanted}\nin: {rest[-3000:]}"
        rest = rest.split(wanted, 1)[1]


def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-3000:]
    assert (tmp_path / "site" / "roles" / "selector.html").is_file()
