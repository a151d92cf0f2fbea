"""Trees as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dsk.web import page_html


def trees_page(title: str, trees: Sequence[Mapping[str, Any]]) -> str:
    """A page of one tree, or of several side by side; each as `tree_data` gives it."""
    return page_html(title, {"page": "trees", "trees": list(trees)})
