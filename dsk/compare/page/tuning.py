"""What each arm chose in tuning, among what, and what that cost."""

from __future__ import annotations

from typing import Any

from dsk.compare.comparison import Comparison
from dsk.compare.notes import chosen
from dsk.compare.tune import in_words
from dsk.compare.tuning import Choice


def tuning_data(comparison: Comparison) -> dict[str, Any] | None:
    """None where nothing was tuned."""
    tuning = comparison.tuning
    if tuning is None:
        return None
    return {
        "how": next(chosen(comparison)),
        "metric": tuning.metric,
        "arms": {arm: _choice(choice) for arm, choice in tuning.choices.items()},
    }


def _choice(choice: Choice) -> dict[str, Any]:
    trials = [
        {"setting": in_words(t.overrides), "mean": t.mean, "trouble": t.trouble, "chosen": n == choice.setting}
        for n, t in enumerate(choice.trials)
    ]
    return {"trials": trials, "runs": choice.runs, "model_tokens": choice.model_tokens}
