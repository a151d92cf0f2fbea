"""Generated chains of two-digit sums modulo 100."""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import blake2b
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from dsk.core.roles import Task
from dsk.core.seeding import derive_seed
from dsk.core.types import Problem

Split = Literal["train", "test"]

TEST_SHARE = 0.2
"""Share of all conceivable problems that only the test split may draw."""


def split_of(prompt: str) -> Split:
    """The split that owns a problem: a function of its text alone, so no two splits of any seed share one."""
    digest = blake2b(prompt.encode(), digest_size=8, person=b"dsk-arithmetic").digest()
    return "test" if int.from_bytes(digest, "big") < TEST_SHARE * 2**64 else "train"


def draw_chain(rng: random.Random, min_steps: int, max_steps: int) -> tuple[int, tuple[int, ...]]:
    """A start in 0..99 and `min_steps` to `max_steps` signed two-digit operands, all uniform."""
    steps = rng.randint(min_steps, max_steps)
    return rng.randrange(100), tuple(rng.choice((1, -1)) * rng.randint(10, 99) for _ in range(steps))


def write_prompt(start: int, operands: tuple[int, ...]) -> str:
    """The problem as text: the start, then one numbered operation a line, then the question."""
    lines = [f"Start at {start:02d}, modulo 100."]
    lines += [f"{number}){operand:+d}" for number, operand in enumerate(operands, 1)]
    return "\n".join([*lines, "Result?\n"])


class Arithmetic(Task):
    """Chains of two-digit additions and subtractions modulo 100, made from a seed.

    A problem starts at 0..99 and applies `min_steps` to `max_steps` numbered operations with operands 10..99; the
    answer is an integer in 0..99. Which split a problem may appear in is decided by a hash of its text (`split_of`),
    so train and test never overlap, whatever the seeds and sizes.
    """

    kind: ClassVar[str] = "arithmetic"

    min_steps: int = Field(4, ge=3, le=12, description="Fewest operations of a problem.")
    max_steps: int = Field(12, ge=3, le=12, description="Most operations of a problem.")
    train_problems: int = Field(512, ge=1, le=100_000, description="Problems in the train split.")
    test_problems: int = Field(256, ge=0, le=100_000, description="Problems in the test split; 0 is no test split.")
    seed: int = Field(0, ge=0, description="Which problems are drawn; each split has a stream of its own.")

    @model_validator(mode="after")
    def _check_steps(self) -> Arithmetic:
        if self.min_steps > self.max_steps:
            raise ValueError(f"min_steps {self.min_steps} is larger than max_steps {self.max_steps}; lower it")
        return self

    @property
    def identity(self) -> str:
        """Names every field that decides what problem `train-7` is (sizes only lengthen the list)."""
        return f"arithmetic:steps={self.min_steps}-{self.max_steps}:seed={self.seed}"

    def problems(self, split: Split) -> Iterator[Problem]:
        """The split's problems; `meta` holds the number of steps. A longer list starts with the shorter one."""
        rng = random.Random(derive_seed("arithmetic", self.seed, split))
        seen: set[str] = set()
        wanted = self.train_problems if split == "train" else self.test_problems
        while len(seen) < wanted:
            start, operands = draw_chain(rng, self.min_steps, self.max_steps)
            prompt = write_prompt(start, operands)
            if split_of(prompt) == split and prompt not in seen:
                answer = str((start + sum(operands)) % 100)
                yield Problem(f"{split}-{len(seen)}", prompt, answer, {"steps": len(operands)})
                seen.add(prompt)
