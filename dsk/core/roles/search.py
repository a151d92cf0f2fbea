"""What trees are made of. Shape letters: N nodes, A candidates, D nodes of a path, T tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
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
    plural: ClassVar[str] = "selectors"
    records: ClassVar[tuple[str, ...]] = ("TreeView",)
    default_kind: ClassVar[str | None] = "frontier"
    mode: ClassVar[Literal["frontier", "descend"]] = "frontier"
    """`frontier` ranks all open nodes at once; `descend` walks from the root, ranking siblings at each level."""
    scope: ClassVar[Literal["local", "global"]] = "local"
    """`local`: a score depends only on the node and its parent, so the search may keep it until one of them changes.
    `global`: all candidates are scored again at every selection (needed when `scores` draws from `rng`)."""

    @property
    def needs_scores(self) -> bool:
        """Whether it was told to weigh `TreeView.score`; a spec without a scorer is then refused."""
        return False

    @abstractmethod
    def scores(self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator) -> Float[np.ndarray, " A"]:
        """One finite score for each candidate in `nodes` [A]; higher is better. Must not write to the tree."""

    def terms(
        self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator
    ) -> dict[str, Float[np.ndarray, " A"]]:
        """What each score is the sum of, by name [A]: how a tree's page says why a node won. One, of the kind's name.

        Their sum in this order is `scores`; a name is what a reader calls the term (`exploration`). A weight is in it.
        """
        return {self.kind: self.scores(tree, nodes, rng)}


def added(terms: Mapping[str, Float[np.ndarray, " A"]]) -> Float[np.ndarray, " A"]:
    """The sum of a score's terms [A], added in their order."""
    first, *others = terms.values()
    return sum(others, first)


class Boundary(Component, ABC):
    """Where a step of a tree ends, and so where the next may branch; the rollout's `step_tokens` bounds it always."""

    role: ClassVar[str] = "boundary"
    plural: ClassVar[str] = "boundaries"
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

    def split(self, logprobs: Float[np.ndarray, " T"], pieces: Sequence[str], step_tokens: int = 0) -> list[int]:
        """Cut a finished response into steps after the fact: their lengths, whose sum is T.

        `logprobs` [T] are the tokens' own, `pieces` [T] their texts; a step has at most `step_tokens` (0: no bound).
        Lengths are at least 1, but the first may be 0: the response's beginning is then a boundary itself. An empty
        response has no steps. By default a step ends with the first of `stop_strings`, or else where `cut` says.
        """
        lengths: list[int] = []
        done = 0
        while done < len(pieces):
            window = slice(done, done + step_tokens if step_tokens else None)
            end = first_text(pieces[window], self.stop_strings)
            lengths.append(self.cut(logprobs[window]) if end is None else end)
            done += lengths[-1]
        return lengths


def first_text(pieces: Sequence[str], texts: Sequence[str]) -> int | None:
    """Tokens up to the one, included, that completes the first of `texts`; None where none comes."""
    said = ""
    reach = max(map(len, texts), default=0)
    for count, piece in enumerate(pieces, start=1):
        said = said[-reach:] + piece
        if any(text in said for text in texts):
            return count
    return None


class ForestView(Protocol):
    """What a fork rule may see of trees of whole responses: read-only.

    A chain is what one sample added to its tree: its own tokens, from the place in an earlier chain (`parent`, -1 where
    it began the response) where it forked to the response's end. Chains are numbered in the order of sampling.
    """

    def chains(self, tree: int) -> Sequence[int]:
        """The tree's chains."""
        ...

    def parent(self, chain: int) -> int:
        """The chain that it forked from; -1 where it begins the response."""
        ...

    def start(self, chain: int) -> int:
        """Tokens of the response before the chain's own, what was given included."""
        ...

    def tokens(self, chain: int) -> Int[np.ndarray, " T"]:
        """The chain's own tokens."""
        ...

    def logprobs(self, chain: int) -> Float[np.ndarray, " T"]:
        """Log-probabilities of the chain's own tokens."""
        ...

    def pieces(self, chain: int) -> list[str]:
        """The text of each of the chain's own tokens."""
        ...

    def correct(self, chain: int) -> bool | None:
        """The verdict on the response that the chain ends; None where there is none yet."""
        ...


class ForkRule(Component, ABC):
    """Where whole responses are forked: the places that get further continuations."""

    role: ClassVar[str] = "fork"
    plural: ClassVar[str] = "forks"
    records: ClassVar[tuple[str, ...]] = ("ForestView",)
    default_kind: ClassVar[str | None] = "surprise"
    needs_verdicts: ClassVar[bool] = False
    """Whether it reads verdicts: it is then asked only when all responses so far have theirs."""

    @abstractmethod
    def places(self, forest: ForestView, tree: int, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Up to `n` places in a tree, the same one as often as it is chosen.

        A place (chain, index) keeps what comes before token `index` of the chain's own tokens, 0 to T - 1, and samples
        from there on; chain -1 is the prompt, and begins another response of the tree. No place: the tree is not
        extended.
        """


class Backup(Component, ABC):
    """How one terminal reward changes the values of the nodes on its path (DeepSearch eqs. 3-5).

    The reward is any number in [-1, 1]. The equations know +1, correct, and -1, wrong: what they say of correct answers
    holds of rewards above 0, and what they say of wrong ones of rewards below.
    """

    role: ClassVar[str] = "backup"
    plural: ClassVar[str] = "backups"
    default_kind: ClassVar[str | None] = "constrained"

    @abstractmethod
    def update(
        self,
        values: Float[np.ndarray, " D"],
        visits: Int[np.ndarray, " D"],
        reward: float,
        decay: Float[np.ndarray, " D"],
    ) -> Float[np.ndarray, " D"]:
        """New `q` for the path's nodes, root first. `visits` are the counts before this backup.

        A greater reward never gives a node a lower value.
        """


class Negative(Component, ABC):
    """Which of an expansion's wrong terminals is recorded (DeepSearch eq. 2, Table 5)."""

    role: ClassVar[str] = "negative"
    plural: ClassVar[str] = "negatives"
    default_kind: ClassVar[str | None] = "most_confident"

    @abstractmethod
    def choose(self, entropies: Float[np.ndarray, " A"], rng: np.random.Generator) -> int:
        """Index into `entropies` [A >= 1], the trajectory entropies of the candidates."""
