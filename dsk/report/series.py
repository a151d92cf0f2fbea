"""A run's figures as columns for the page's charts: one entry a step, or a few steps together where there are many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Record = Mapping[str, Any]
Numbers = list[float | None]
AXES = ("model_tokens", "sampled_tokens", "seconds", "updates", "step")
POINTS = 600
"""More steps than this are drawn several to a point."""
BARS = 120
"""More steps than this are drawn several to a bar."""

PHASES = 5
"""Phases with a part of their own in a bar; the others are one more."""

LAST = (*AXES, "round", "screening_tokens", "scored_tokens", "trained_tokens")
MEAN = (
    "problems", "replayed", "trajectories", "group_reward", "trajectory_entropy", "filtered", "stale_samples",
    "update_loss", "update_kl", "update_entropy", "update_clip_low", "update_clip_high", "update_clip_dual",
    "update_grad_norm", "update_lr", "update_sharing", "tree_nodes", "tree_expansions", "tree_depth", "tree_tokens",
    "tree_tokens_to_first_solution", "tree_truncated",
)  # fmt: skip
MERGED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(LAST, lambda part: part[-1]),
    **dict.fromkeys((*MEAN, "solved_share", "silent_share"), np.mean),
    **dict.fromkeys(("update_ratio_max", "probe_error"), max),
    "update_ratio_min": min,
}
"""How the figures of several steps become one."""


@dataclass(frozen=True)
class Steps:
    """`columns` by name, equally long, None where a step has no such figure; `merged` steps make a point."""

    columns: dict[str, Numbers]
    merged: int
    bars: list[int]
    """The last step of each bar."""
    tokens: dict[str, list[float]]
    """What the tokens of each bar went to; together they are its share of `model_tokens`."""
    seconds: dict[str, list[float]]
    """What the seconds of each bar went to, evaluation included."""


def step_columns(records: Sequence[Record], points: int = POINTS, bars: int = BARS) -> Steps:
    """The figures of the steps in `records`, thinned to at most so many points and bars."""
    steps = _with_probes(records)
    chunks = _chunks(steps, points)
    columns = {name: [_merge(name, chunk) for chunk in chunks] for name in MERGED}
    ends = [chunk[-1] for chunk in _chunks(steps, bars)]
    present = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    merged = len(chunks[0]) if chunks else 1
    return Steps(present, merged, [step["step"] for step in ends], _token_parts(ends), _second_parts(ends))


def _chunks(steps: list[dict[str, Any]], most: int) -> list[list[dict[str, Any]]]:
    """The steps in at most so many runs of equal length; the last may be shorter."""
    length = max(-(-len(steps) // most), 1)
    return [steps[start : start + length] for start in range(0, len(steps), length)]


def evaluation_columns(records: Sequence[Record]) -> dict[str, list[Any]]:
    """The held-out evaluations: their figures on every axis."""
    rows: list[dict[str, Any]] = []
    step = 0
    names = (*AXES, "when", "pass_at_1", "low", "high", "truncated", "mean_score")
    for record in records:
        step = record["step"] if record["event"] == "step" else step
        if record["event"] == "evaluation":
            rows.append({**record, "step": step})
    return {name: [row.get(name) for row in rows] for name in names if any(row.get(name) is not None for row in rows)}


def _with_probes(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The steps, each with the gap that was measured when its weights went to the engine, and what follows from it."""
    steps: list[dict[str, Any]] = []
    gap: float | None = None
    for record in records:
        if record["event"] == "sync":
            gap = record.get("probe_error")
        elif record["event"] == "step":
            steps.append({**record, "probe_error": gap, **_shares(record)})
            gap = None
    return steps


def _shares(step: Record) -> dict[str, float]:
    """Shares of a step: problems solved, and groups that nothing was learnt from."""
    shares = {"solved_share": step["solved"] / max(step["problems"], 1)}
    groups, silent = step.get("update_groups"), step.get("update_skipped_groups")
    return {**shares, "silent_share": silent / groups} if groups and silent is not None else shares


def _merge(name: str, chunk: Sequence[Record]) -> float | None:
    known = [value for step in chunk if (value := step.get(name)) is not None]
    return short(float(MERGED[name](known))) if known else None


def short(value: float) -> float:
    """Seven significant digits: more than a drawing shows."""
    return float(f"{value:.7g}")


def _token_parts(ends: Sequence[Record]) -> dict[str, list[float]]:
    """Tokens between one bar and the next, by what they were for."""
    parts = {
        "screening": [step.get("screening_tokens", 0) for step in ends],
        "scoring": [step.get("scored_tokens", 0) for step in ends],
        "training (× 3)": [3 * step["trained_tokens"] for step in ends],
    }
    others = zip(*parts.values(), strict=True)
    rollouts = [step["model_tokens"] - sum(other) for step, other in zip(ends, others, strict=True)]
    return _spent({"rollouts": rollouts, **parts})


def _second_parts(ends: Sequence[Record]) -> dict[str, list[float]]:
    """Seconds between one bar and the next, by phase."""
    names = dict.fromkeys(name for step in ends for name in step.get("phase_seconds", {}))
    ranked = sorted(names, key=lambda name: -ends[-1].get("phase_seconds", {}).get(name, 0.0))
    parts = {name: [name] for name in ranked[:PHASES]} | {"the rest": ranked[PHASES:]}
    return _spent({part: [_seconds_of(step, phases) for step in ends] for part, phases in parts.items()})


def _seconds_of(step: Record, phases: Sequence[str]) -> float:
    return sum(step.get("phase_seconds", {}).get(name, 0.0) for name in phases)


def _spent(totals: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Differences of running totals, those of nothing left out, the largest first; none is below 0."""
    parts = {name: np.maximum(np.diff(np.array(values, float), prepend=0.0), 0.0) for name, values in totals.items()}
    used = sorted((name for name in parts if parts[name].any()), key=lambda name: -parts[name].sum())
    return {name: [round(value, 3) for value in parts[name].tolist()] for name in used}
