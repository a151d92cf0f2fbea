"""Which runs a folder holds. What is served is looked up among these: no path comes from a request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dsk.report.remembered import remembered

DEEPEST = 5
"""Folders between the watched one and a run; a study keeps its runs at study/tuning/arm/setting-1/seed-0."""
MOST_FOLDERS = 5000
"""Folders that are looked into; a place with more is hardly one of runs."""
UNREAD = ("checkpoints",)
"""Folders of a run that nothing here reads."""


@dataclass(frozen=True)
class Place:
    """A row of the list: `name` is the path below the watched folder, `fault` why nothing of it is read.

    `key` is the name as bytes, percent-encoded: it can stand in an address, whatever the file system allows.
    """

    key: str
    name: str
    folder: Path
    fault: str = ""


def find_places(root: Path) -> tuple[list[Place], bool]:
    """The runs in and below `root` by name, and whether there are folders that were not looked into.

    `root` may itself be a run. Links are not followed; one that leads out, and what cannot be read, have a row.
    """
    if os.path.lexists(root / "spec.json"):
        return [_run(root, root)], False
    found: list[Place] = []
    waiting, looked = [(root, 0)] if root.exists() else [], 0
    while waiting and looked < MOST_FOLDERS:
        folder, depth = waiting.pop()
        looked += 1
        try:
            entries = [each for each in os.scandir(folder) if not each.name.startswith(".")]
        except OSError as error:
            found.append(_place(folder, root, f"cannot be read ({error.strerror})"))
            continue
        found += [_link(Path(each), root) for each in entries if each.is_symlink() and _leads_out(Path(each), root)]
        inner = [Path(each) for each in entries if each.is_dir(follow_symlinks=False)]
        runs = [path for path in inner if os.path.lexists(path / "spec.json")]
        found += [_run(path, root) for path in runs]
        waiting += [(path, depth + 1) for path in inner if path not in runs and depth < DEEPEST]
    return sorted(found, key=lambda place: place.name), bool(waiting)


def _place(folder: Path, root: Path, fault: str = "") -> Place:
    inside = folder.relative_to(root)
    name = root.resolve().name if folder == root else str(inside)
    return Place(key_of(inside), name, folder, fault)


def key_of(inside: Path) -> str:
    """The key of the run at this path below the watched folder."""
    return quote(os.fsencode(inside), safe="/")


def _link(path: Path, root: Path) -> Place:
    return _place(path, root, "a symbolic link that leads out of this folder is not followed; watch its target instead")


def _leads_out(path: Path, root: Path) -> bool:
    return not path.resolve().is_relative_to(root.resolve())


def _run(folder: Path, root: Path) -> Place:
    return _place(folder, root, next(_strange(folder, root), ""))


def _strange(folder: Path, root: Path) -> Iterator[str]:
    """What in a run is not its own: links that lead out, and what is neither file nor folder."""
    try:
        links, others, inner = _entries(folder)
    except OSError as error:
        yield f"{folder.name} cannot be read ({error.strerror})"
        return
    for path in links:
        if _leads_out(path, root):
            yield f"not read: its {path.name} is a symbolic link that leads out of the watched folder"
    yield from (f"not read: its {path.name} is neither a file nor a folder" for path in others)
    for path in inner:
        if path.name not in UNREAD:
            yield from _strange(path, root)


@remembered
def _entries(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Links, what is neither file nor folder, and folders."""
    entries = list(os.scandir(folder))
    links = [Path(each) for each in entries if each.is_symlink()]
    inner = [Path(each) for each in entries if each.is_dir(follow_symlinks=False)]
    others = [Path(each) for each in entries if not (each.is_symlink() or each.is_file() or each.is_dir())]
    return links, others, inner
