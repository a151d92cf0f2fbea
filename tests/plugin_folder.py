"""Distributions as pip leaves them on the path (metadata, entry point, one module), without pip."""

from __future__ import annotations

import sys
from pathlib import Path

SELECTOR = """
from typing import ClassVar
import dsk
import numpy as np
from pydantic import Field

class Shallow(dsk.Selector):
    '''The shallowest open node.'''
    kind: ClassVar[str] = "{kind}"
    def scores(self, tree, nodes, rng):
        return -tree.depth[nodes].astype(float)

@dsk.hookimpl
def register_selectors(register):
    register(Shallow)
"""


def install(path: Path, name: str, source: str, requires: str = "", version: str = "0.1.0") -> None:
    """Put a distribution with one plugin module on `path`, a folder of `sys.path`."""
    module = name.replace("-", "_")
    info = path / f"{module}-{version}.dist-info"
    info.mkdir()
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    (info / "entry_points.txt").write_text(f"[dsk]\nplugin = {module}\n")
    (path / f"{module}.py").write_text(source)
    sys.modules.pop(module, None)
