"""The page itself: a run's folder to one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dsk.core.errors import ModelError, RunFolderError
from dsk.core.model.tokenizers import Texts
from dsk.core.run.files import write_atomically
from dsk.core.run.folder import StoredPart, StoredSpec, check_whole, read_spec, read_status, read_versions
from dsk.core.run.records import read_records
from dsk.core.run.stored import damaged, read_object
from dsk.report.advice import advise
from dsk.report.examples import filtered_examples, find_examples, recent_prompts
from dsk.report.history import Histories, held_out_histories, training_histories
from dsk.report.seen import Record, Seen
from dsk.report.series import evaluation_columns, step_columns
from dsk.report.trees import report_trees
from dsk.web.page import page_html

REWRITTEN = "delete it: a resume writes it again"


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


def write_report(run: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Write `report.html` of a run (its folder), finished or not, and return its path.

    Raises RunFolderError where there is no run, DamagedFileError where one of its files is not as it was written,
    CheckpointError where the page cannot be written.
    """
    folder = Path(run)
    if not (folder / "spec.json").exists():
        raise RunFolderError(f"{folder}: holds no run; name a run's folder, e.g. runs/quickstart")
    data = report_data(folder)
    path = Path(out) if out else folder / "report.html"
    write_atomically(path, page_html(f"{data['name']}: {data['status']}", data).encode("utf-8", "replace"))
    return path


def report_data(folder: Path) -> dict[str, Any]:
    """Everything that the page shows (`web/src/report/data.ts` says how it is read)."""
    records = read_records(folder)
    return report_figures(folder, records) | report_texts(folder, records, lambda: run_texts(folder))


def report_figures(folder: Path, records: Sequence[Record]) -> dict[str, Any]:
    """What the page shows without reading a token: all but examples and trees. Raises DamagedFileError."""
    spec = read_spec(folder, _ShownSpec)
    status, reason = read_status(folder)
    check_whole(folder, status, records)
    return {
        "page": "report",
        "name": spec["name"],
        "folder": str(folder),
        "status": status,
        "reason": reason,
        "seed": spec.get("seed", 0),
        "model": spec["model"]["path"],
        **_judged(spec, records),
        "advice": _advice(spec, records),
        **_curves(spec, records),
        "rounds": _of(records, "round"),
        "spent": _spent(folder, records),
        **_problems(folder, records),
        "filtered": _filtered(folder, records),
        "parts": list(_parts(spec)),
        "notices": [record["text"] for record in _of(records, "notice")],
        "versions": read_versions(folder),
    }


def report_texts(folder: Path, records: Sequence[Record], texts: Callable[[], Texts]) -> dict[str, Any]:
    """What the page shows of sampled tokens; `texts` is asked for the tokenizer where there are any."""
    words = cache(texts)
    return {
        "examples": [asdict(example) for example in find_examples(folder, lambda tokens: words().decode(tokens))],
        "trees": report_trees(folder, records, words),
    }


def run_texts(folder: Path) -> Texts:
    """The tokenizer that a run saved or began with. Raises DamagedFileError where that cannot be loaded."""
    spec, saved = read_spec(folder, _ShownSpec), folder / "final"
    if not saved.is_dir():
        return Texts(spec["model"]["path"])
    try:
        return Texts(str(saved.resolve()))
    except ModelError as error:
        raise damaged(saved, f"its tokenizer cannot be loaded ({error})", REWRITTEN) from error


def _of(records: Sequence[Record], event: str) -> list[Record]:
    return [record for record in records if record["event"] == event]


def _judged(spec: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """The headline: held-out figures first and last, and how they were taken."""
    evaluations = _of(records, "evaluation")
    return {
        "first": evaluations[0] if evaluations else None,
        "last": evaluations[-1] if len(evaluations) > 1 else None,
        "hard_only": spec["evaluate"]["hard_only"],
        "temperature": spec["evaluate"]["temperature"],
    }


def _advice(spec: Mapping[str, Any], records: Sequence[Record]) -> list[dict[str, Any]]:
    """What the rules say, each with what the field is now."""
    events = ("step", "evaluation", "sync", "screened")
    seen = Seen(spec, *(_of(records, event) for event in events))
    return [asdict(advice) | {"now": seen.setting(advice.field)} for advice in advise(seen)]


def _curves(spec: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    steps = step_columns(records)
    seen = Seen(spec, (), ())
    bounds = {"probe_bound": seen.setting("probe_bound"), "grad_clip": seen.setting("train.optimizer.grad_clip")}
    return {"evaluations": evaluation_columns(records), "steps": asdict(steps), "bounds": bounds}


SPENT = ("step", "updates", "sampled_tokens", "trained_tokens", "model_tokens", "peak_memory_bytes")


def _spent(folder: Path, records: Sequence[Record]) -> dict[str, Any]:
    """Totals up to the last step, and seconds by phase: those of the whole run where it has ended."""
    steps, summary = _of(records, "step"), folder / "summary.json"
    latest = steps[-1] if steps else {}
    ended = read_object(summary, _Summary, REWRITTEN).seconds if summary.exists() else latest.get("phase_seconds", {})
    return {"totals": {name: latest[name] for name in SPENT if name in latest}, "seconds": ended}


def _problems(folder: Path, records: Sequence[Record]) -> dict[str, Any]:
    trained = training_histories(folder, records, recent_prompts(folder))
    return {"trained_problems": _listed(trained), "held_out_problems": _listed(held_out_histories(folder, records))}


def _listed(histories: Histories) -> dict[str, Any]:
    rows = [asdict(problem) | {"standing": problem.standing} for problem in histories.problems]
    return {"when": histories.when, "of": histories.of, "counts": histories.counts, "rows": rows}


def _filtered(folder: Path, records: Sequence[Record]) -> dict[str, Any]:
    """How many responses were filtered out by which reason, and a few of them."""
    reasons: Counter[str] = Counter()
    for record in _of(records, "filtered"):
        reasons.update(record["reasons"])
    return {"reasons": dict(reasons), "examples": [asdict(example) for example in filtered_examples(folder)]}


def _parts(part: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, kind and own fields of every component, as the resolved spec has them, installed here or not."""
    inner = {name: value for name, value in part.items() if isinstance(value, dict)}
    if "kind" in part:
        own = {name: value for name, value in part.items() if name != "kind" and name not in inner}
        yield path, part["kind"], ", ".join(f"{name} = {json.dumps(value)}" for name, value in own.items())
    for name, value in inner.items():
        yield from _parts(value, f"{path}.{name}" if path else name)
