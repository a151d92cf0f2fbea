"""A run small enough for tests: a random model, and a verifier that random text can satisfy."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from tiny_models import tiny_policy

from dsk.core.roles import Task, Verifier
from dsk.core.spec import RunSpec
from dsk.core.types import Problem, Verdict

MACHINE = ("time", "seconds", "tokens_per_second", "peak_memory_bytes")
ONCE_A_PROCESS = ("packing_gap", "computed_tokens", "computed_ratio", "engine", "seq")
"""What the first-use check, made again by a resumed process, is part of; and what numbers its records."""


class Letters(Task):
    """Twelve one-letter problems; the last four are the test split."""

    kind: ClassVar[str] = "letters"

    @property
    def identity(self) -> str:
        return "letters"

    def problems(self, split: Literal["train", "test"]) -> Iterator[Problem]:
        letters = "abcdefgh" if split == "train" else "ijkl"
        return (Problem(letter, f"{letter}=", letter) for letter in letters)


class Contains(Verifier):
    """Right when the response contains its problem's letter or one of `also`."""

    kind: ClassVar[str] = "contains"
    also: str = "0123"

    @contextmanager
    def open(self) -> Iterator["Contains"]:
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        found = [sorted(set(text) & {problem.answer, *self.also}) for problem, text in items]
        return [Verdict(bool(hits), hits[0] if hits else None, "equal" if hits else "different") for hits in found]


def save_model(folder: Path) -> Path:
    torch.manual_seed(0)
    policy = tiny_policy(spread=0.1, max_length=128)
    policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)
    return folder


def small_spec(model: Path, /, **changes: Any) -> RunSpec:
    data = {
        "name": "small",
        "model": {"path": str(model), "device": "cpu"},
        "task": Letters(),
        "verifier": Contains(),
        "filter": "none",
        "max_response_tokens": 12,
        "rollout": {"kind": "tree", "width": 2, "max_depth": 3, "step_tokens": 4, "trajectories": 3},
        "replay": {"samples": 3},
        "screen": {"samples": 2, "threshold": 0.5},
        "train": {
            "batch_problems": 4,
            "mini_batch_problems": 2,
            "micro_batch_tokens": 40,
            "optimizer": {"lr": 1e-3, "warmup_steps": 0},
        },
        "rounds": {"count": 2, "steps": 2},
        "evaluate": {"samples": 2, "hard_only": False},
        "checkpoint_every": 1,
    }
    return RunSpec.model_validate({**data, **changes})


def figures(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records without what depends on the machine or on the process."""
    return [_timeless(r) for r in records if r["event"] not in ("resumed",)]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(part) for name, part in value.items() if not name.endswith(MACHINE + ONCE_A_PROCESS)}
    return value


def same(a: Any, b: Any) -> bool:
    """Equal, floats to 1e-4: what an engine batches together changes the last bits of a log-probability."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-5)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
