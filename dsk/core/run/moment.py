"""What a person who follows a run is shown: a line a record, and the figures of the moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from dsk.core.sampling.scheduler import Progress

SHORTEST = 0.25
"""Seconds of a phase before a rate is told."""
FOLLOWED = {
    "round": "round", "step": "step", "group_reward": "reward", "trajectory_entropy": "entropy",
    "update_loss": "loss", "update_grad_norm": "grad norm", "cached_problems": "cached",
}  # fmt: skip


def describe(record: Mapping[str, Any]) -> str | None:
    """A record as one line, or None for the ones that only the log keeps."""
    match record["event"]:
        case "evaluation":
            interval = f"{record['low']:.1%} to {record['high']:.1%}"
            share = f"pass@1 {record['pass_at_1']:.1%} ({interval})"
            return f"evaluation {record['when']}: {share}, {record['problems']} problems"
        case "screened":
            return f"round {record['round']}: screened {record['problems']} problems, {record['hard']} hard"
        case "step":
            loss, norm = record.get("update_loss"), record.get("update_grad_norm")
            trained = f", loss {loss:+.4f}, grad norm {norm:.3f}" if loss is not None and norm is not None else ""
            solved = f"{record['solved']}/{record['problems']} solved, {record['replayed']} replayed"
            return f"step {record['step']}: {solved}, reward {record['group_reward']:+.2f}{trained}"
        case "round":
            return (
                f"round {record['round']} done: {record['still_hard']} of {record['hard']} still hard,"
                f" {record['cached_problems']} problems cached"
            )
        case "resumed":
            return f"resumed at step {record['step']} of round {record['round']}"
        case "cache_rejected":
            return f"dropped {record['solutions']} cached solutions of {record['problem']} that no longer verify"
        case "filtered":
            reasons = ", ".join(f"{count} {reason}" for reason, count in record["reasons"].items())
            return f"step {record['step'] + 1}: {record['samples']} negatives not learnt from ({reasons})"
        case "notice":
            return f"notice: {record['text']}"
        case _:
            return None


class Moment:
    """Names and figures of a run as it stands; `share` is how much of the phase is done, 0 to 1."""

    def __init__(self, run: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.figures = ({"run": run} if run else {}) | {"phase": "loading"}
        self.share = 0.0
        self._clock = clock
        self._phase, self._began, self._tokens = "", clock(), 0

    def record(self, record: Mapping[str, Any]) -> None:
        """Take a record's figures."""
        for key, name in FOLLOWED.items():
            if key in record:
                value = record[key]
                self.figures[name] = f"{value:.3f}" if isinstance(value, float) else str(value)

    def progress(self, phase: str, progress: Progress) -> None:
        """Take how far the phase is."""
        now = self._clock()
        if phase != self._phase or progress.tokens < self._tokens:
            self._phase, self._began = phase, now
        self._tokens = progress.tokens
        spent = now - self._began
        left = spent / progress.done * (progress.total - progress.done) if progress.done else 0.0
        self.share = progress.done / max(progress.total, 1)
        self.figures |= {
            "phase": f"{phase} {progress.done}/{progress.total}",
            "in flight": str(progress.in_flight),
            "tokens/s": f"{progress.tokens / spent:,.0f}" if spent > SHORTEST else "-",
            "solved": str(progress.solved),
            "ETA": f"{left:.0f}s" if progress.done else "-",
        }
