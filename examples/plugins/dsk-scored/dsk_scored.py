"""The selector `scored`: a small learned model ranks open nodes by what a scorer says of them, and by their text."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from pydantic import Field, field_validator

import dsk

FEATURES = ("score", "entropy", "depth", "length")
FORM = '{"bias": number, "weights": {' + ", ".join(f'"{name}": number' for name in FEATURES) + "}}"


class Scored(dsk.Selector):
    """`F(s) = P(s) + entropy_weight H(s)`, where `P(s) = sigmoid(bias + w . x(s))` says how promising a step is.

    The features `x` are `score` (the scorer's, less 1/2; 0 where it said nothing), `entropy` (of the step), `depth`
    (share of the deepest) and `length` (thousands of characters of the step's text). The model is a JSON file, fitted
    elsewhere on whatever one has: trees that a run kept, and which of their nodes led to a right answer.
    """

    kind: ClassVar[str] = "scored"

    model: str | None = Field(
        default=None, description=f"JSON file with the fitted model, {FORM}; null: the score decides alone (weight 4)."
    )
    entropy_weight: float = Field(default=0.1, description="Weight of the step's entropy; below 0 it is a cost.")

    @field_validator("model")
    @classmethod
    def _check_model(cls, path: str | None) -> str | None:
        """Read the file with the spec, so that a bad one is found before anything runs."""
        if path is not None:
            read_model(path)
        return path

    def parameters(self) -> tuple[float, np.ndarray]:
        """Bias and weights, in the order of FEATURES."""
        return (0.0, np.array([4.0, 0.0, 0.0, 0.0])) if self.model is None else read_model(self.model)

    def scores(self, tree: dsk.TreeView, nodes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """F for each node id in `nodes` [A]; `rng` is not used."""
        bias, weights = self.parameters()
        # not a matrix product, whose last bits depend on how many nodes there are
        logits = np.clip(bias + (features(tree, nodes) * weights).sum(axis=1), -500, 500)
        return 1 / (1 + np.exp(-logits)) + self.entropy_weight * tree.entropy[nodes]


def features(tree: dsk.TreeView, nodes: np.ndarray) -> np.ndarray:
    """x of each node, [A, 4]."""
    score = np.nan_to_num(tree.score[nodes] - 0.5)
    length = np.array([len(tree.text(int(node))) for node in nodes], dtype=np.float64) / 1000
    return np.stack([score, tree.entropy[nodes], tree.depth[nodes] / tree.max_depth, length], axis=1)


@lru_cache(maxsize=16)
def read_model(path: str) -> tuple[float, np.ndarray]:
    """A model file's bias and weights, read once a process. Raises ValueError."""
    try:
        found: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from None
    model = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    weights = model.get("weights")
    if not isinstance(weights, dict) or {*weights} != {*FEATURES}:
        raise ValueError(f"{path}: not a model; the form is {FORM}")
    values: list[Any] = [model.get("bias"), *(weights[name] for name in FEATURES)]
    if not all(map(is_number, values)):
        raise ValueError(f"{path}: a number is missing or not finite; the form is {FORM}")
    return float(values[0]), np.array(values[1:], dtype=np.float64)


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


@dsk.hookimpl
def register_selectors(register: dsk.Register) -> None:
    register(Scored)
