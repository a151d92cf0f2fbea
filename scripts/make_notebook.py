"""Executes docs/notebooks/*.py (cells marked by `# %%`) and writes each as a notebook with its outputs beside it.

Needs the extra `docs`. Run it when a cell, or what the package shows in a notebook, has changed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbformat import NotebookNode, write

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "docs" / "notebooks"
SECONDS = 900


def read(source: Path) -> NotebookNode:
    """The cells of a script, without outputs; their ids are their numbers, so that files differ where cells do."""
    notebook = jupytext.read(source)
    notebook.metadata = NotebookNode(kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"})
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", NotebookNode()
    return notebook


def execute(source: Path) -> NotebookNode:
    """The cells with their outputs, run in an empty folder beside the examples.

    Raises CellExecutionError where one fails. What is shown as HTML is not kept as plain text too.
    """
    notebook = read(source)
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # a library's wish for ipywidgets
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        place = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=place, record_timing=False).execute()
    del notebook.metadata["language_info"]
    for data in (output.data for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output):
        if "text/html" in data:
            del data["text/plain"]
    return notebook


if __name__ == "__main__":
    for source in sorted(NOTEBOOKS.glob("*.py")):
        write(execute(source), source.with_suffix(".ipynb"))
        print(source.with_suffix(".ipynb").relative_to(ROOT))
