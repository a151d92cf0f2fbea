"""A run as a notebook shows it: held-out figures, what was spent, its rounds, two curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dsk.web.charts import Curve, curves_svg
from dsk.web.fragments import Cell, block, pairs, picture, table

ROUND_COLUMNS = {
    "round": "Round", "hard": "Hard", "cached": "Cached", "unsolved": "Unsolved", "steps": "Steps", "solved": "Solved",
    "still_hard": "Still hard", "admitted": "Admitted", "cached_problems": "In cache",
}  # fmt: skip
SPENT = {
    "step": "steps", "updates": "updates", "sampled_tokens": "tokens generated", "trained_tokens": "tokens trained",
    "model_tokens": "model tokens",
}  # fmt: skip
SHARES = {"y": "pass_at_1", "low": "low", "high": "high"}
Record = Mapping[str, Any]


def run_html(name: str, status: str, records: Sequence[Record]) -> str:
    """The first and the last evaluation, totals up to the last step, rounds, curves over model tokens."""
    evaluations, steps, rounds = (
        [record for record in records if record["event"] == event] for event in ("evaluation", "step", "round")
    )
    curves = _curves(evaluations, steps)
    parts = [
        _held_out(evaluations) if evaluations else "",
        pairs(_spent(steps[-1])) if steps else "",
        table(tuple(ROUND_COLUMNS.values()), [_round(row) for row in rounds], left=0) if rounds else "",
        picture(curves_svg(curves, "model tokens"), "held-out pass@1 and reward over model tokens") if curves else "",
    ]
    return block(f"Run {name}: {status}", *parts, notes=[] if steps else ["no step yet"])


def _held_out(evaluations: Sequence[Record]) -> str:
    chosen = evaluations if len(evaluations) < 3 else [evaluations[0], evaluations[-1]]
    heads = ("held-out", "pass@1", "95% interval", "problems", "samples")
    return table(heads, [_evaluation(record) for record in chosen])


def _evaluation(record: Record) -> tuple[str | Cell, ...]:
    interval = f"{record['low']:.1%} to {record['high']:.1%}"
    counts = (str(record.get("problems", "")), str(record.get("samples", "")))
    return str(record["when"]), Cell(f"{record['pass_at_1']:.1%}", bold=True), interval, *counts


def _spent(step: Record) -> dict[str, str]:
    found = {text: f"{step[name]:,}" for name, text in SPENT.items() if name in step}
    return found | ({"seconds": f"{step['seconds']:,.1f}"} if "seconds" in step else {})


def _round(record: Record) -> list[str]:
    return [f"{record[name]:,}" for name in ROUND_COLUMNS]


def _curves(evaluations: Sequence[Record], steps: Sequence[Record]) -> list[Curve]:
    """Held-out pass@1 and the reward of the groups, each where it has two points."""
    axis = "model_tokens"
    held = [record for record in evaluations if axis in record]
    trained = [record for record in steps if axis in record and "group_reward" in record]
    shares = {name: [100 * record[key] for record in held] for name, key in SHARES.items()}
    found = [
        Curve("held-out pass@1 (%)", [record[axis] for record in held], **shares),
        Curve("reward of a group", [r[axis] for r in trained], [r["group_reward"] for r in trained]),
    ]
    return [curve for curve in found if len(curve.x) > 1]
