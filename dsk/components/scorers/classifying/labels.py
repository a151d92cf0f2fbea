"""Which label of a classifier means that a step is good, from its config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsk.core.component import did_you_mean
from dsk.core.errors import ModelError

SEQUENCE, TOKEN = "ForSequenceClassification", "ForTokenClassification"
GOOD = frozenset(("good", "correct", "right", "true", "yes", "positive", "pos", "+", "valid", "accepted", "chosen"))
"""Names that say it by themselves, in lower case. `LABEL_1` does not."""
_SHOWN = 8


@dataclass(frozen=True)
class Head:
    """What a classifier puts out: logits for each token or for the whole text, and which of them means good.

    `good` None is a single logit, whose sigmoid is the score. With several labels the score is the softmax's share of
    `good`, or the sigmoid of its logit where labels do not exclude each other.
    """

    per_token: bool
    good: int | None
    exclusive: bool = True


def head_of(config: Mapping[str, Any], path: str, label: str | None) -> Head:
    """The head that a config.json states. Raises ModelError where it has none or its labels are not understood."""
    names = list(config.get("architectures") or ())
    kinds = {kind for kind in (SEQUENCE, TOKEN) for name in names if str(name).endswith(kind)}
    if len(kinds) != 1:
        stated = f"is a {', '.join(map(str, names))}" if names else "names no architecture in config.json"
        raise ModelError(
            f"scorer.path: '{path}' {stated}, which has no classification head; give a model for sequence"
            " classification (a reward model) or token classification (a process reward model)"
        )
    exclusive = config.get("problem_type") != "multi_label_classification"
    return Head(kinds == {TOKEN}, _good(_labels(config), path, label), exclusive)


def _labels(config: Mapping[str, Any]) -> dict[int, str]:
    """Name of each logit; a config that states none has transformers' default of two."""
    stated = config.get("id2label")
    if isinstance(stated, Mapping) and stated:
        return {int(number): str(name) for number, name in stated.items()}
    return {number: f"LABEL_{number}" for number in range(int(config.get("num_labels", 2)))}


def _good(labels: Mapping[int, str], path: str, label: str | None) -> int | None:
    shown = ", ".join(f"'{name}'" for name in list(labels.values())[:_SHOWN]) + (
        ", ..." if len(labels) > _SHOWN else ""
    )
    if label is not None:
        found = [number for number, name in labels.items() if name == label]
        if not found:
            near = did_you_mean(label, list(labels.values()))
            raise ModelError(f"scorer.label: '{path}' has no label '{label}'; its labels: {shown}{near}")
        return found[0] if len(labels) > 1 else None
    if len(labels) == 1:
        return None
    found = [number for number, name in labels.items() if name.strip().lower() in GOOD]
    if len(found) != 1:
        raise ModelError(
            f"scorer.label: which label of '{path}' means a good step is not understood; its labels: {shown}; name the"
            " good one in scorer.label"
        )
    return found[0]
