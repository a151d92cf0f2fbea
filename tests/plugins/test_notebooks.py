"""The documentation's notebooks: what is committed is of the scripts' cells, and the cells run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "docs" / "notebooks").glob("*.py"))
pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def making():
    """scripts/make_notebook.py, whose libraries `make test-full` installs."""
    spec = importlib.util.spec_from_file_location("make_notebook", ROOT / "scripts" / "make_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_cells(cells):
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_committed_notebook_has_the_scripts_cells_and_their_outputs(source, making):
    """Where this fails: python scripts/make_notebook.py."""
    kept = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    written = ["".join(cell["source"]) for cell in kept]
    assert written == [cell.source for cell in making.read(source).cells]
    outputs = [output for cell in code_cells(kept) for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"execute_result", "display_data", "stream"}
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    assert str(ROOT) not in json.dumps(kept)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_it_says(source, making):
    cells = code_cells(making.execute(source).cells)
    shown = "".join(
        "".join(output.get("data", {}).get("text/html", "")) for cell in cells for output in cell["outputs"]
    )
    for title in ("Spec quickstart", "Search of problem train-3", "Run quickstart: finished", "Which nodes to expand"):
        assert title in shown
    assert "<progress value='1.000'" in shown
