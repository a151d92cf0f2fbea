"""Generated puzzles of the Reasoning Gym package."""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from dsk.components.tasks.rows import content_id
from dsk.core.component import did_you_mean
from dsk.core.errors import DataError
from dsk.core.roles import Task
from dsk.core.types import Problem

DRAWS_PER_PROBLEM = 20


class ReasoningGym(Task):
    """Endless problems of one Reasoning Gym data set; a hash of each decides its split, so the splits never overlap.

    Answers go to the run's verifier, not to the package's own scoring: choose data sets with one right answer.
    """

    kind: ClassVar[str] = "reasoning_gym"

    dataset: str = Field(min_length=1, description="Name of the data set, such as `chain_sum`.")
    config: dict[str, Any] = Field(default_factory=dict, description="The data set's own settings (not seed, size).")
    train_problems: int = Field(default=1000, ge=1, description="Distinct training problems.")
    test_problems: int = Field(default=200, ge=0, description="Distinct held-out problems.")
    seed: int = Field(default=0, ge=0, description="Every problem derives from it.")

    @property
    def identity(self) -> str:
        """Data set and settings; problems are known by their content, so sizes and seed do not matter."""
        digest = hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()[:12]
        return f"reasoning_gym:{self.dataset}:{digest}"

    def problems(self, split: Literal["train", "test"]) -> Iterator[Problem]:
        """The split's problems, made as they are asked for. Raises DataError for a bad name or config at once."""
        return self._draw(self._generator(), split)

    def _draw(self, generator: Any, split: str) -> Iterator[Problem]:
        wanted = self.train_problems if split == "train" else self.test_problems
        seen: set[str] = set()
        for index in range(len(generator)):
            if len(seen) == wanted:
                return
            problem = self._problem(generator[index], index)
            if problem.id not in seen and self._split_of(problem.id) == split:
                seen.add(problem.id)
                yield problem
        if len(seen) < wanted:
            raise DataError(
                f"task: '{self.dataset}' with this config has only {len(seen)} distinct {split} problems in"
                f" {len(generator)} draws, not {wanted}; ask for fewer, or widen task.config"
            )

    def _problem(self, item: dict[str, Any], index: int) -> Problem:
        question, answer = item["question"], item["answer"]
        if not isinstance(question, str) or not question.strip():
            raise DataError(f"task: '{self.dataset}' gives {question!r:.80} for a question (draw {index}), not text")
        if not isinstance(answer, str) or not answer.strip():
            raise DataError(
                f"task: '{self.dataset}' gives no reference answer (draw {index});"
                " its problems have many right answers: choose another data set"
            )
        return Problem(
            content_id(question, answer), question, answer, {"source": item["metadata"].get("source_dataset")}
        )

    def _split_of(self, name: str) -> str:
        share = self.train_problems + self.test_problems
        return "test" if int(name, 16) % share < self.test_problems else "train"

    def _generator(self) -> Any:
        try:
            import reasoning_gym  # pyright: ignore[reportMissingImports]
            from reasoning_gym.factory import DATASETS  # pyright: ignore[reportMissingImports]
        except ImportError:
            package = "'deepsearch-kit[reasoning-gym]'"
            raise DataError(f"task.kind: 'reasoning_gym' needs its package; pip install {package}") from None
        if self.dataset not in DATASETS:
            names = sorted(DATASETS)
            hint = did_you_mean(self.dataset, names)
            raise DataError(
                f"task.dataset: Reasoning Gym has no '{self.dataset}' among its {len(names)} data sets{hint}"
            )
        size = DRAWS_PER_PROBLEM * (self.train_problems + self.test_problems)
        try:
            return reasoning_gym.create_dataset(self.dataset, seed=self.seed, size=size, **self.config)
        except (TypeError, ValueError, AssertionError) as error:
            fault = " ".join(str(error).split())
            raise DataError(f"task.config: Reasoning Gym's '{self.dataset}' refuses it: {fault}") from None
