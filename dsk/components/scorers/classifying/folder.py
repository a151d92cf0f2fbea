"""A reward model's files, looked at without torch and without loading weights."""

from __future__ import annotations

from pathlib import Path

from dsk.components.scorers.classifying.labels import head_of
from dsk.core.component import did_you_mean
from dsk.core.errors import ModelError
from dsk.core.model.files import model_faults, read_object
from dsk.core.model.source import no_folder


def is_hub_id(path: str) -> bool:
    """Whether it can only be a name on the hub; anything else is a folder."""
    return path.count("/") == 1 and not path.startswith((".", "/", "~")) and not Path(path).is_dir()


def look(path: str, label: str | None, chat: bool) -> None:
    """Raise ModelError for the first thing that is wrong with a model's folder; nothing of the hub is asked."""
    if is_hub_id(path):
        return
    folder = Path(path).expanduser()
    if not folder.is_dir():
        names = sorted(place.name for place in folder.parent.iterdir()) if folder.parent.is_dir() else []
        near = did_you_mean(folder.name, names)
        raise ModelError(f"scorer.path: {no_folder(path)}; name a model's folder, or owner/name on the hub{near}")
    if not (folder / "config.json").is_file():
        raise ModelError(f"scorer.path: the folder '{path}' holds no model (no config.json); name one that does")
    for fault in model_faults(folder, chat):
        raise ModelError(fault.replace("model.path:", "scorer.path:").replace("prompt.style", "scorer.style"))
    head_of(read_object(folder / "config.json"), path, label)
