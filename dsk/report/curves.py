"""The run's curves as one SVG drawing."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

PANELS = {
    "solved": "share of problems solved",
    "group_reward": "mean reward of trajectories",
    "trajectory_entropy": "entropy (nats a token)",
    "update_loss": "loss",
    "update_grad_norm": "gradient norm",
}
"""Figures of a step's record, drawn against the step."""


def draw_curves(records: Sequence[Mapping[str, Any]]) -> str:
    """Held-out pass@1 against model tokens, and the figures of every step; empty where nothing was recorded yet."""
    from matplotlib.figure import Figure

    evaluations = [r for r in records if r["event"] == "evaluation"]
    steps = [r for r in records if r["event"] == "step"]
    if not evaluations and not steps:
        return ""
    figure = Figure(figsize=(11, 5.4), layout="constrained")
    panels = figure.subplots(2, 3).ravel().tolist()
    _held_out(panels[0], evaluations)
    for panel, (name, label) in zip(panels[1:], PANELS.items(), strict=True):
        points = [(r["step"], _figure(r, name)) for r in steps if name in r]
        panel.plot([x for x, _ in points], [y for _, y in points], marker=".", color="C0")
        panel.set(xlabel="step", title=label)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    drawing = buffer.getvalue()
    return drawing[drawing.index("<svg") :]


def _figure(record: Mapping[str, Any], name: str) -> float:
    return record["solved"] / max(record["problems"], 1) if name == "solved" else record[name]


def _held_out(panel: Any, evaluations: Sequence[Mapping[str, Any]]) -> None:
    spent = [r["model_tokens"] for r in evaluations]
    mean = [100 * r["pass_at_1"] for r in evaluations]
    low, high = ([100 * abs(r["pass_at_1"] - r[end]) for r in evaluations] for end in ("low", "high"))
    panel.errorbar(spent, mean, [low, high], marker=".", capsize=3, color="C1")
    panel.set(xlabel="model tokens", title="held-out pass@1 (%)")
    panel.set_ylim(bottom=0)
