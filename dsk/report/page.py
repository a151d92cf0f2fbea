"""The page itself: a run's folder to one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel

from dsk.core.errors import RunFolderError
from dsk.core.model.source import locate_model
from dsk.core.run.files import write_atomically
from dsk.core.run.folder import StoredPart, StoredSpec, check_whole, read_spec, read_status, read_versions
from dsk.core.run.records import read_records
from dsk.core.run.stored import damaged, read_object
from dsk.report.curves import draw_curves
from dsk.report.examples import find_examples

REWRITTEN = "delete it: a resume writes it again"
SHOWN = 200


class _Model(BaseModel):
    path: str


class _Evaluate(BaseModel):
    hard_only: bool
    temperature: float


class _Train(BaseModel):
    advantage: StoredPart
    loss: StoredPart


class _ShownSpec(StoredSpec):
    """What the page shows of a spec."""

    model: _Model
    evaluate: _Evaluate
    verifier: StoredPart
    cache: StoredPart
    engine: StoredPart
    rollout: StoredPart
    train: _Train


class _Summary(BaseModel):
    seconds: dict[str, float]


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write `report.html` of a run, finished or not, and return its path.

    Raises RunFolderError where there is no run, DamagedFileError where one of its files is not as it was written,
    CheckpointError where the page cannot be written.
    """
    if not (folder / "spec.json").exists():
        raise RunFolderError(f"{folder}: holds no run; name a run's folder, e.g. runs/quickstart")
    environment = Environment(loader=PackageLoader("dsk.report", "."), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("page.html.jinja").render(_contents(folder))
    path = out or folder / "report.html"
    write_atomically(path, page.encode())
    return path


def _contents(folder: Path) -> dict[str, Any]:
    """Everything that the template names."""
    spec = read_spec(folder, _ShownSpec)
    status, reason = read_status(folder)
    records = read_records(folder)
    check_whole(folder, status, records)
    evaluations = [r for r in records if r["event"] == "evaluation"]
    steps = [r for r in records if r["event"] == "step"]
    summary = folder / "summary.json"
    return {
        "spec": spec,
        "folder": folder,
        "status": status,
        "reason": reason,
        "first": evaluations[0] if evaluations else None,
        "last": evaluations[-1] if len(evaluations) > 1 else None,
        "latest": steps[-1] if steps else None,
        "curves": draw_curves(records),
        "rounds": [r for r in records if r["event"] == "round"],
        "seconds": read_object(summary, _Summary, REWRITTEN).seconds if summary.exists() else {},
        "notices": [r["text"] for r in records if r["event"] == "notice"],
        "parts": _parts(spec),
        "examples": find_examples(folder, _decoder(folder, spec)),
        "versions": read_versions(folder),
    }


def _parts(part: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, kind and own fields of every component, as the resolved spec has them, installed here or not."""
    inner = {name: value for name, value in part.items() if isinstance(value, dict)}
    if "kind" in part:
        own = {name: value for name, value in part.items() if name != "kind" and name not in inner}
        yield path, part["kind"], ", ".join(f"{name} = {json.dumps(value)}" for name, value in own.items())
    for name, value in inner.items():
        yield from _parts(value, f"{path}.{name}" if path else name)


def _decoder(folder: Path, spec: Mapping[str, Any]) -> Callable[[np.ndarray], str]:
    """Tokens to text, with the tokenizer that the run saved or began with."""
    from transformers import AutoTokenizer

    saved = folder / "final"
    path, extra = (str(saved), {}) if saved.is_dir() else locate_model(spec["model"]["path"])
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **extra)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise damaged(Path(path), f"its tokenizer cannot be loaded ({first[:SHOWN]})", REWRITTEN) from error
    return lambda tokens: str(tokenizer.decode(tokens.tolist(), skip_special_tokens=True))
