"""One abstract class per role. Subclass one, set `kind`, and register it.

Stateless roles (selector, backup, negative, advantage, loss, filter) are pure functions of their arguments; an RNG is
an argument. Stateful ones (engine, cache, tracker, verifier) are specs whose `open(...)` returns a context manager.
Shape letters: N nodes, A candidates, D nodes of a path, G trajectories of a group, B rows, T tokens.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from dsk.core.component import Component
from dsk.core.errors import DataError
from dsk.core.types import CachedSolution, Completion, EngineStats, Group, Problem, SampleRequest, Verdict

if TYPE_CHECKING:
    import numpy as np
    import torch
    from jaxtyping import Float, Int

    from dsk.core.policy import Policy


class TreeView(Protocol):
    """What a selector may see of a tree: read-only arrays over nodes [N]; the root is node 0, its parent -1."""

    @property
    def parent(self) -> Int[np.ndarray, " N"]:
        """The node above each node, -1 for the root."""
        ...

    @property
    def depth(self) -> Int[np.ndarray, " N"]:
        """`d`, steps from the root."""
        ...

    @property
    def visits(self) -> Int[np.ndarray, " N"]:
        """`N`, how many backups went through the node."""
        ...

    @property
    def value(self) -> Float[np.ndarray, " N"]:
        """`q`, the backed-up value (a sum: divide by `visits` for `Q`)."""
        ...

    @property
    def entropy(self) -> Float[np.ndarray, " N"]:
        """`H`, the mean of -log p over the step's tokens."""
        ...

    @property
    def max_depth(self) -> int:
        """`d_T`, the depth at which an answer ends."""
        ...


class Selector(Component, ABC):
    """Scores candidate nodes; the search expands the best, the first in pre-order among equals."""

    role: ClassVar[str] = "selector"
    default_kind: ClassVar[str | None] = "frontier"
    mode: ClassVar[Literal["frontier", "descend"]] = "frontier"
    """`frontier` ranks all open nodes at once; `descend` walks from the root, ranking siblings at each level."""
    scope: ClassVar[Literal["local", "global"]] = "local"
    """`local`: a score depends only on the node and its parent, so the search may keep it until one of them changes.
    `global`: all candidates are scored again at every selection (needed when `scores` draws from `rng`)."""

    @abstractmethod
    def scores(self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator) -> Float[np.ndarray, " A"]:
        """One finite score for each candidate in `nodes` [A]; higher is better. Must not write to the tree."""


class Boundary(Component, ABC):
    """Where a step of a tree ends, and so where the next may branch; `search.step_tokens` bounds it always."""

    role: ClassVar[str] = "boundary"
    default_kind: ClassVar[str | None] = "length"
    whole_steps: ClassVar[bool] = False
    """Whether every step is `search.step_tokens` long; where not, a tree needs more depth for the same answer."""

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Texts that end a step while it is sampled, the text included; none by default."""
        return ()

    @abstractmethod
    def cut(self, logprobs: Float[np.ndarray, " T"]) -> int:
        """How many of the tokens to keep, 1 to T, of a step that no text ended. `logprobs` [T] are the tokens' own.

        What is cut off was sampled for nothing. A step that ends the response is never cut.
        """


class Backup(Component, ABC):
    """How one terminal reward changes the values of the nodes on its path (DeepSearch eqs. 3-5)."""

    role: ClassVar[str] = "backup"
    default_kind: ClassVar[str | None] = "constrained"

    @abstractmethod
    def update(
        self,
        values: Float[np.ndarray, " D"],
        visits: Int[np.ndarray, " D"],
        reward: float,
        decay: Float[np.ndarray, " D"],
    ) -> Float[np.ndarray, " D"]:
        """New `q` for the path's nodes, root first. `visits` are the counts before this backup."""


class Negative(Component, ABC):
    """Which of an expansion's wrong terminals is recorded (DeepSearch eq. 2, Table 5)."""

    role: ClassVar[str] = "negative"
    default_kind: ClassVar[str | None] = "most_confident"

    @abstractmethod
    def choose(self, entropies: Float[np.ndarray, " A"], rng: np.random.Generator) -> int:
        """Index into `entropies` [A >= 1], the trajectory entropies of the candidates."""


class Advantage(Component, ABC):
    """Credit for every node of every trajectory of one group (DeepSearch eqs. 13-15)."""

    role: ClassVar[str] = "advantage"
    default_kind: ClassVar[str | None] = "node"

    @abstractmethod
    def values(self, group: Group) -> list[list[float]]:
        """For each trajectory [G] one number per node on its path [D] (same lengths as `node_lengths`)."""


@dataclass(frozen=True)
class LossInputs:
    """A micro-batch, one row per trajectory, right-padded; masks arrive final.

    `logprobs`, `old_logprobs`, `advantages` and `mask` are [B, T]; gradients flow through `logprobs` (and `entropy`)
    only. `total_tokens`, `total_rows` are response tokens and rows of the whole mini-batch, groups without any
    advantage included (DAPO eq. 8, DeepSearch eq. 13: the mean is over all sampled tokens), so that micro-batch losses
    add up to the mini-batch loss; rows of such groups are given only where the loss acts on them. `ref_logprobs` [B, T]
    is there when `needs_reference`; `entropy` [B, T] (of the full next-token distribution, nats) when `needs_entropy`.
    `sampling_logprobs` [B, T] are the engine's, None where it cannot know them (at a sampling temperature other than
    1); then, and when `needs_recompute`, `old_logprobs` are the trainer's own from before the batch's first update.
    `max_tokens` is the longest response that the spec allows.
    """

    logprobs: torch.Tensor
    old_logprobs: torch.Tensor
    advantages: torch.Tensor
    mask: torch.Tensor
    total_tokens: int
    total_rows: int
    max_tokens: int
    ref_logprobs: torch.Tensor | None = None
    entropy: torch.Tensor | None = None
    sampling_logprobs: torch.Tensor | None = None


@dataclass(frozen=True)
class LossOutput:
    """`loss` is a scalar with a graph; `metrics` are detached scalars that add up over micro-batches."""

    loss: torch.Tensor
    metrics: Mapping[str, torch.Tensor]


class Loss(Component, ABC):
    """Log-probabilities and advantages to a scalar."""

    role: ClassVar[str] = "loss"
    default_kind: ClassVar[str | None] = "tree_grpo"

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> LossOutput:
        """The micro-batch's share of the mini-batch loss."""

    @property
    def needs_reference(self) -> bool:
        """Whether `ref_logprobs` must be given."""
        return False

    @property
    def needs_entropy(self) -> bool:
        """Whether `entropy` must be given, with gradients."""
        return False

    @property
    def needs_recompute(self) -> bool:
        """Whether `old_logprobs` must be the trainer's, next to the engine's in `sampling_logprobs`."""
        return False

    @property
    def acts_without_advantage(self) -> bool:
        """Whether a group whose advantages are all zero has a gradient; by default where there is a KL or entropy term.

        Otherwise such groups have no forward pass.
        """
        return self.needs_reference or self.needs_entropy


class VerifierSession(Protocol):
    """An open verifier."""

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response text), in order. Never raises on hostile text."""
        ...


class Verifier(Component, ABC):
    """Decides whether a response answers its problem; hostile text is normal input."""

    role: ClassVar[str] = "verifier"
    default_kind: ClassVar[str | None] = "math"
    neutral: ClassVar[tuple[str, ...]] = ()
    """Fields that change how fast it judges but no verdict."""

    @property
    def identity(self) -> str:
        """What decides its verdicts; caches of other verifiers are refused by it."""
        return json.dumps({name: value for name, value in self.dump().items() if name not in self.neutral})

    def can_judge(self, reference: str) -> bool:
        """Whether any response could be right by this reference answer; a run asks before it samples. Quick."""
        return True

    def missing(self) -> str | None:
        """What this machine lacks for it and what to do, or None."""
        return None

    @abstractmethod
    def open(self) -> AbstractContextManager[VerifierSession]:
        """Start workers, if any; closing stops them."""


class Filter(Component, ABC):
    """Names what is wrong with a negative that should not be learnt from (DeepSearch section 4.2)."""

    role: ClassVar[str] = "filter"
    default_kind: ClassVar[str | None] = "garbled"

    @abstractmethod
    def reason(self, tokens: Sequence[int], text: str) -> str | None:
        """A short code such as `looping`, or None to keep the sample."""


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

    def sync(self, policy: Policy, version: int) -> None:
        """Take the policy's present weights as `version`; cached prefixes are invalidated."""
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
    default_kind: ClassVar[str | None] = "transformers"

    @abstractmethod
    def open(self, policy: Policy) -> AbstractContextManager[EngineSession]:
        """Load the policy's weights (version 0) and be ready for requests."""

    def missing(self) -> str | None:
        """The install line for what this machine lacks, or None."""
        return None

    def obstacle(self, config: Mapping[str, Any]) -> str | None:
        """Why it cannot run a model with this config.json and what to do, or None."""
        return None

    def weight_copies(self, parameters: int, device: str) -> int:
        """Copies of the weights it holds beside the policy's own; the memory estimate counts them."""
        return 0


class Task(Component, ABC):
    """Where problems come from."""

    role: ClassVar[str] = "task"

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

    def missing(self) -> str | None:
        """The install line for what this machine lacks, or None."""
        return None

    @abstractmethod
    def open(self, folder: str, spec: Mapping[str, Any]) -> AbstractContextManager[TrackerSession]:
        """Start tracking the run in `folder`."""


ROLES: tuple[type[Component], ...] = (
    Selector, Boundary, Backup, Negative, Advantage, Loss, Verifier, Filter, Cache, Engine, Task, Tracker,
)  # fmt: skip


def role_names() -> Iterator[str]:
    """Every role's name, in the order of the data flow."""
    return (role.role for role in ROLES)
