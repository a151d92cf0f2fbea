"""What a run reaches the world through: engine, cache, task, trackers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from dsk.core.component import Component
from dsk.core.errors import DataError
from dsk.core.types import CachedSolution, Completion, EngineStats, Problem, SampleRequest

if TYPE_CHECKING:
    from dsk.core.model.policy import Policy
    from dsk.core.model.weights import Weights


class CacheSession(Protocol):
    """An open cache of verified solutions of one (task, verifier)."""

    def get(self, problem_id: str) -> list[CachedSolution]:
        """The problem's committed solutions, oldest first."""
        ...

    def put(self, solutions: Sequence[CachedSolution]) -> int:
        """Add solutions in one transaction; duplicates (problem, tokens) are kept once. How many were new."""
        ...

    def rollback(self, run: str, step: int) -> int:
        """Forget what `run` wrote after `step` (its last checkpoint). How many went."""
        ...

    def discard(self, solutions: Sequence[CachedSolution]) -> int:
        """Forget solutions (by problem and tokens), whoever wrote them. How many went."""
        ...

    def entries(self) -> Iterator[CachedSolution]:
        """Every committed solution, oldest first."""
        ...

    def count(self) -> tuple[int, int]:
        """(problems with a solution, solutions)."""
        ...


class Cache(Component, ABC):
    """Where verified solutions are kept between steps, rounds and runs (Algorithm 1)."""

    role: ClassVar[str] = "cache"
    plural: ClassVar[str] = "caches"
    records: ClassVar[tuple[str, ...]] = ("CacheSession", "CachedSolution")
    default_kind: ClassVar[str | None] = "sqlite"

    @abstractmethod
    def open(self, folder: str, task: str, verifier: str) -> AbstractContextManager[CacheSession]:
        """Open for a run's `folder`; `task` and `verifier` are identities that the cache checks and stores.

        Raises CacheError where the store belongs to another task or verifier.
        """

    def identity(self, folder: str) -> tuple[str, str] | None:
        """The (task, verifier) the store belongs to, so that commands can open it; None where there is none yet."""
        return None


class EngineSession(Protocol):
    """An open engine: submit requests, poll for what is finished."""

    def submit(self, request: SampleRequest) -> None:
        """Queue a request. Raises RequestError if prefix + max_tokens exceed the model's context."""
        ...

    def poll(self) -> list[Completion]:
        """Advance until at least one request finishes (or nothing is left) and return what finished."""
        ...

    def cancel(self, request_id: str) -> None:
        """Drop a request and free its memory; unknown ids are ignored."""
        ...

    def sync(self, weights: Weights, version: int) -> None:
        """Take weights as `version`; cached prefixes are invalidated."""
        ...

    def forget(self) -> None:
        """Drop cached prefixes, as a fresh engine has none: what follows cannot depend on what went before.

        Called between units of work (a screening chunk, a step's sampling, an evaluation), so that a resumed run
        repeats a unit to the bit. Only with no request under way.
        """
        ...

    def score(self, tokens: Sequence[int]) -> list[float]:
        """Log-probability of each token after the first, under the engine's own weights (the probe)."""
        ...

    def stats(self) -> EngineStats:
        """Counters since the engine was opened."""
        ...


class Engine(Component, ABC):
    """Samples tokens from the policy."""

    role: ClassVar[str] = "engine"
    plural: ClassVar[str] = "engines"
    records: ClassVar[tuple[str, ...]] = ("EngineSession", "SampleRequest", "Sample", "Completion", "Weights")
    default_kind: ClassVar[str | None] = "transformers"
    repeatable: ClassVar[bool] = True
    """Whether the same requests in the same order give the same bits; where they do, a resumed run repeats them."""

    gives_values: ClassVar[bool] = False
    """Whether its samples have the values of the policy's head (`Sample.values`), where it has one."""

    @abstractmethod
    def open(self, policy: Policy) -> AbstractContextManager[EngineSession]:
        """Load the policy's weights (version 0) and be ready for requests."""

    def missing(self) -> str | None:
        """The install line for what this machine lacks, or None."""
        return None

    def obstacle(self, config: Mapping[str, Any]) -> str | None:
        """Why it cannot run a model with this config.json and what to do, or None."""
        return None

    def notice(self, model: Any) -> str | None:
        """One line on a model (which may have no weights yet) that it runs less fast than others, or None."""
        return None

    def weight_copies(self, parameters: int, device: str) -> int:
        """Copies of the weights it holds beside the policy's own; the memory estimate counts them."""
        return 0


class Task(Component, ABC):
    """Where problems come from."""

    role: ClassVar[str] = "task"
    plural: ClassVar[str] = "tasks"
    records: ClassVar[tuple[str, ...]] = ("Problem",)

    @property
    @abstractmethod
    def identity(self) -> str:
        """A stable name for the problem set; caches of other tasks are refused by it."""

    @abstractmethod
    def problems(self, split: Literal["train", "test"]) -> Iterable[Problem]:
        """The split's problems, lazily, in a fixed order. Raises DataError naming file and line."""

    def survey(self, split: Literal["train", "test"], limit: int = 0) -> tuple[list[Problem], list[str]]:
        """The split's first `limit` problems (0 is all), and one line for each row among them that cannot be used."""
        try:
            return list(islice(self.problems(split), limit or None)), []
        except DataError as error:
            return [], [str(error)]


class TrackerSession(Protocol):
    """An open tracker."""

    def log(self, record: Mapping[str, Any]) -> None:
        """One record of events.jsonl: `event`, `step`, and flat figures."""
        ...


class Tracker(Component, ABC):
    """Where a run's records go besides events.jsonl."""

    role: ClassVar[str] = "tracker"
    plural: ClassVar[str] = "trackers"
    records: ClassVar[tuple[str, ...]] = ("TrackerSession",)

    def missing(self) -> str | None:
        """The install line for what this machine lacks, or None."""
        return None

    @abstractmethod
    def open(self, folder: str, spec: Mapping[str, Any]) -> AbstractContextManager[TrackerSession]:
        """Start tracking the run in `folder`."""
