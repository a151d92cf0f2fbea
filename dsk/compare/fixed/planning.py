"""The runs of a study at a fixed policy: one that all arms refer to, then every arm with every seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsk.compare.fixed.settings import ExplorationSettings, FixedSettings, GradientSettings
from dsk.compare.planning import PlannedRun
from dsk.compare.study import Study
from dsk.core.errors import RunFolderError, SpecError
from dsk.core.input.faults import capped, shortened
from dsk.core.input.reading import read_json
from dsk.core.loading import differences, parse_spec
from dsk.core.spec import RunSpec

REFERENCE = "reference"
"""The arm's name of the run that measures pass rates and, for gradients, the reference."""
WORK_FILE = "work.json"
SHARED = ("model", "task", "prompt", "verifier", "rewards", "sampling", "max_response_tokens", "screen.problems")
"""What the arms of one study have in common: the policy, its problems, and what is rewarded."""
SHOWN = 3


def settings_of(study: Study) -> FixedSettings | None:
    """What the study measures at a fixed policy; None where it is of another kind."""
    if study.mode == "gradient":
        return study.gradient or GradientSettings()
    return study.exploration


def plan_fixed(study: Study, planned: Sequence[PlannedRun], source: str, runs: Path) -> list[PlannedRun]:
    """The reference, then the arms' runs with their work; `planned` itself where the study is of another kind.

    Raises SpecError for arms that cannot be measured against one reference.
    """
    settings = settings_of(study)
    if settings is None:
        return list(planned)
    kind = "gradient" if isinstance(settings, GradientSettings) else "exploration"
    first = next(run for run in planned if run.arm == study.baseline_name)
    faults = [f"{source}: {fault}" for run in planned for fault in _faults(run, first, settings)]
    if kind == "exploration" and first.spec.rollout.kind != "direct":
        faults.insert(0, f"{source}: {_not_direct(first)}")
    if faults:
        raise SpecError(*capped(list(dict.fromkeys(faults)), source))
    spec = reference_spec(first.spec, settings, f"{study.name}.{REFERENCE}")
    folder = runs / study.name / REFERENCE / "seed-0"
    reference = PlannedRun(REFERENCE, 0, spec, folder, work=work_of(REFERENCE, settings))
    return [reference, *(replace(run, work=work_of(kind, settings)) for run in planned)]


def work_of(kind: str, settings: FixedSettings) -> dict[str, Any]:
    """What a run measures, as JSON data."""
    return {"kind": kind, "settings": settings.model_dump(mode="json")}


def amount(run: PlannedRun) -> tuple[int, str]:
    """How many of what the run measures."""
    settings = run.work["settings"]
    if run.work["kind"] == "gradient":
        return settings["batches"], GradientSettings.unit
    return settings["problems"], ExplorationSettings.unit


def phases(planned: Sequence[PlannedRun]) -> list[list[PlannedRun]]:
    """Runs that may run side by side, one phase after the other."""
    first = [run for run in planned if is_reference(run)]
    return [phase for phase in (first, [run for run in planned if not is_reference(run)]) if phase]


def is_reference(run: PlannedRun) -> bool:
    """Whether all other runs of its study refer to it."""
    return run.work.get("kind") == REFERENCE


def reference_folder(folder: Path) -> Path:
    """Where the run that a run in `folder` refers to is kept."""
    return folder.parent.parent / REFERENCE / "seed-0"


def check_work(planned: Sequence[PlannedRun]) -> None:
    """Raises RunFolderError where a folder holds measurements of another kind."""
    for run in planned:
        path = run.folder / WORK_FILE
        changed = differences(read_json(path), dict(run.work)) if path.is_file() else []
        if changed:
            raise RunFolderError(
                f"{run.folder}: was measured with other settings ({'; '.join(changed[:SHOWN])}); delete the folder to"
                " measure again, or rename the study"
            )


def reference_spec(spec: RunSpec, settings: FixedSettings, name: str) -> RunSpec:
    """Plain REINFORCE on direct responses: summed over tokens, the mean reward of the others as baseline.

    Its expectation is the gradient of the expected reward, and of nothing else: no length penalty, no clipping.
    """
    parts = settings.parts if isinstance(settings, GradientSettings) else 1
    samples = settings.reference_samples if isinstance(settings, GradientSettings) else settings.rate_samples
    data = spec.dump()
    train = {
        "subset": {"kind": "all"},
        "advantage": {"kind": "outcome", "normalisation": "leave_one_out"},
        "adjustments": [],
        "weight": "trajectory",
        "loss": {"kind": "reinforce", "aggregation": "fixed_length"},
    }
    data["train"] |= train
    changes = {"rollout": {"kind": "direct", "samples": samples // parts}, "replay": None, "overlong": {"buffer": 0}}
    return parse_spec(data | changes | {"name": name, "seed": 0, "filter": {"kind": "none"}}, name)


def _faults(run: PlannedRun, first: PlannedRun, settings: FixedSettings) -> Iterator[str]:
    where = f"arms.{shortened(run.arm)}"
    if run.arm == REFERENCE or run.folder.parent.name == REFERENCE:
        yield f"{where}: the name '{REFERENCE}' is that of what arms are measured against; name it otherwise"
    changed = _shared_differences(run.spec, first.spec)
    if changed:
        yield (
            f"{where}: {'; '.join(changed[:SHOWN])}: all arms are measured against one reference, and share"
            f" {', '.join(SHARED)}; put it into the base"
        )
    spec = run.spec
    if spec.rollout.needs_solutions:
        yield f"{where}: rollout '{spec.rollout.kind}' starts from solutions, and here none is known; take another"
    if spec.screen.reuse:
        yield f"{where}: screen.reuse: nothing is screened here; set it to false"
    if isinstance(settings, GradientSettings):
        yield from _gradient_faults(where, spec, settings)


def _gradient_faults(where: str, spec: RunSpec, settings: GradientSettings) -> Iterator[str]:
    train, sampling = spec.train, spec.sampling
    if sampling.top_p < 1 or sampling.top_k > 0:
        yield (
            f"{where}: sampling: top_p {sampling.top_p} and top_k {sampling.top_k} make the score function another than"
            " the gradient of the expected reward; set them to 1 and 0"
        )
    if train.mini_batch_problems > settings.problems:
        yield (
            f"{where}: train.mini_batch_problems is {train.mini_batch_problems}, and gradient.problems"
            f" {settings.problems}; raise gradient.problems"
        )
    for name, found, plain in (("refill", train.refill, 0), ("allocate", train.allocate, "equal")):
        if found != plain:
            yield f"{where}: train.{name}: a batch takes its problems as they come; set it to {plain!r}"


def _shared_differences(spec: RunSpec, first: RunSpec) -> list[str]:
    mine, theirs = spec.dump(), first.dump()
    names = [name for name in SHARED if "." not in name]
    changed = [line for name in names for line in differences(theirs[name], mine[name], name)]
    if spec.screen.problems != first.screen.problems:
        changed.append(f"screen.problems: {first.screen.problems} -> {spec.screen.problems}")
    return changed


def _not_direct(first: PlannedRun) -> str:
    return (
        f"baseline: arm '{shortened(first.arm)}' has rollout '{first.spec.rollout.kind}'; an exploration study compares"
        ' with direct sampling: give an arm {"rollout": {"kind": "direct"}} and name it as the baseline'
    )
