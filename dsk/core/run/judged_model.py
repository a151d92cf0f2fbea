"""The model that one names to be judged or searched with: a model folder, a run's, or a checkpoint of a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dsk.core.input.reading import read_json
from dsk.core.spec import ModelSpec

if TYPE_CHECKING:
    from dsk.core.model.policy import Policy

WEIGHTS = "model.safetensors"


def load_judged(model: ModelSpec, named: str | os.PathLike[str] | None = None) -> Policy:
    """The policy that is named, loaded as `model` says, or `model` itself.

    Raises ModelError or CheckpointError where there is none.
    """
    from dsk.core.model.policy import load_policy
    from dsk.core.run.checkpoint import load_checkpoint
    from dsk.core.training.trainer import load_weights

    if named is None:
        return load_policy(model)
    place = os.fspath(named)
    folder = Path(place)
    if (folder / "state.json").is_file() and (folder / WEIGHTS).is_file():
        start = read_json(run_spec_of(place) or folder / "spec.json")["model"]
        policy = load_policy(ModelSpec.model_validate(start))
        load_checkpoint(folder, lambda at: load_weights(at, policy.model))
        return policy
    if (folder / "final").is_dir():
        place = str(folder / "final")
    return load_policy(model.model_copy(update={"path": place}))


def run_spec_of(place: str) -> Path | None:
    """The spec of the run that a run folder, its `final` or a checkpoint belongs to."""
    folder = Path(place)
    for candidate in (folder, folder.parent, folder.parent.parent):
        if (candidate / "spec.json").is_file():
            return candidate / "spec.json"
    return None
