"""What a tree search is made of. Shape letters: N nodes, A candidates, D nodes of a path, T tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from dsk.core.component import Component

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Int


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
    def score(self) -> Float[np.ndarray, " N"]:
        """What the scorer says of each step, in [0, 1]; NaN where nothing was said."""
        ...

    @property
    def max_depth(self) -> int:
        """`d_T`, the depth at which an answer ends."""
        ...

    def step_tokens(self, node: int) -> Sequence[int]:
        """The node's own tokens."""
        ...

    def text(self, node: int) -> str:
        """The text of the node's own tokens."""
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
    """Where a step of a tree ends, and so where the next may branch; the rollout's `step_tokens` bounds it always."""

    role: ClassVar[str] = "boundary"
    default_kind: ClassVar[str | None] = "length"
    whole_steps: ClassVar[bool] = False
    """Whether every step is the rollout's `step_tokens` long; where not, the same answer is deeper in a tree."""

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
