"""Whole runs without a model: what a policy answers is drawn from (problem, seed, sample, policy version)."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch

from dsk.components.engines.scripted import ScriptedSession
from dsk.core.roles import Engine, Task, Verifier
from dsk.core.rounds import run
from dsk.core.run.kept_run import Run
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec
from dsk.core.types import Group, Problem, Sample, Verdict

RIGHT, EOS, ANSWERS = 1, 9, 3
LENGTH = 2
"""Tokens of every response: an answer and the end."""
TREE = {"width": 3, "max_depth": 1, "step_tokens": LENGTH, "trajectories": 3, "record": "all"}


class Numbered(Task):
    """Problems 0 to `count` - 1, the last `tests` of them for evaluation; problem n's prompt is the token 100 + n."""

    kind: ClassVar[str] = "numbered"
    count: int = 4
    tests: int = 0

    @property
    def identity(self) -> str:
        return f"numbered {self.count}"

    def problems(self, split: Literal["train", "test"]) -> Iterator[Problem]:
        first = self.count - self.tests
        numbers = range(first) if split == "train" else range(first, self.count)
        return (Problem(f"p{n}", str(n), "") for n in numbers)


class Odd(Verifier):
    """Right when the answer's token is odd."""

    kind: ClassVar[str] = "odd"

    @contextmanager
    def open(self) -> Iterator["Odd"]:
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        return [Verdict(is_right([int(word) for word in text.split()]), text, "script") for _, text in items]


def is_right(tokens: Sequence[int]) -> bool:
    return tokens[0] % 2 == 1


class Growing(Engine):
    """A policy that is right with the probability `skill[n] + gain x version` on problem n; few distinct answers."""

    kind: ClassVar[str] = "growing"
    skill: tuple[float, ...] = (0.5,)
    gain: float = 0.0

    @contextmanager
    def open(self, policy: Any) -> Iterator[ScriptedSession]:
        session = ScriptedSession(
            lambda r: [self.draw(r.prefix[0], r.seed, i, session.version) for i in range(r.n)],
            delay=lambda r: random.Random(r.id).random(),
            score=lambda tokens: [-1.0] * (len(tokens) - 1),
        )
        yield session

    def draw(self, prompt: int, seed: int, index: int, version: int) -> Sample:
        rng = random.Random(derive_seed(prompt, seed, index, version))
        right = rng.random() < self.skill[prompt - 100] + self.gain * version
        token = 10 * rng.randrange(1, ANSWERS + 1) + (RIGHT if right else 0)
        return Sample((token, EOS), (-rng.random(), -rng.random()), "eos", version)


class PolicyOfNumbers:
    """Stands for a model: a prompt is one token, a response is its numbers."""

    device = torch.device("cpu")
    max_length = 1 << 20
    tokenizer_id = "numbers"

    def prompt_tokens(self, problem: Problem, prompt: Any) -> tuple[int, ...]:
        return (100 + int(str(problem.prompt)),)

    def decode(self, tokens: Sequence[int]) -> str:
        return " ".join(map(str, tokens))

    def encode(self, text: str) -> list[int]:
        return [int(word) for word in text.split()]

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        return [f"{token} " for token in tokens]


class IdleTrainer:
    """Stands for a trainer: every update makes the next policy version and trains ten tokens."""

    computed_tokens = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        """The policy's growth is in the script."""
        self.updates = 0

    def update(self, groups: Any, should_stop: Any) -> Mapping[str, float] | None:
        if should_stop():
            return None
        self.updates += 1
        return {"unique_tokens": 10, "update": self.updates, "applied": 1, "loss": 1.0 / self.updates}

    def anchor(self, groups: Any) -> int:
        return 0

    def signals(self, groups: Sequence[Group]) -> list[bool]:
        """Right and wrong answers together."""
        return [len({t.correct for t in group.trajectories}) > 1 for group in groups]

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        return [[-1.0] * (len(tokens) - 1) for tokens in sequences]

    def weights(self) -> None:
        """The script has none."""

    def checkpoint(self, folder: Path) -> None:
        (folder / "updates").write_text(str(self.updates))

    def restore(self, folder: Path) -> None:
        self.updates = int((folder / "updates").read_text())

    def save_final(self, folder: Path) -> None:
        folder.mkdir()


def scripted_spec(skill: Sequence[float], gain: float, **changes: Any) -> RunSpec:
    data: dict[str, Any] = {
        "name": "scripted",
        "model": {"path": "none"},
        "task": Numbered(count=len(skill)),
        "verifier": Odd(),
        "engine": Growing(skill=tuple(skill), gain=gain),
        "filter": "none",
        "max_response_tokens": LENGTH,
        "tokens_in_flight": 20,
        "rollout": {"kind": "tree", **TREE},
        "replay": {"samples": 3},
        "screen": {"samples": 2, "threshold": 0.5},
        "train": {"batch_problems": 2, "mini_batch_problems": 1},
        "rounds": {"count": 3},
        "checkpoint_every": 1000,
    }
    return RunSpec.model_validate({**data, **changes})


def run_scripted(spec: RunSpec, folder: Path, save: Callable[..., None] = lambda *_: None, **options: Any) -> Run:
    """`dsk.run` with the script in place of model and trainer, and `save` in that of checkpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dsk.core.run.assembly.load_policy", lambda spec: PolicyOfNumbers())
        patch.setattr("dsk.core.run.assembly.Trainer", IdleTrainer)
        patch.setattr("dsk.core.run.session.save_checkpoint", save)
        return run(spec, folder, **options)
