"""A whole tree as a record: every node, in which order they were expanded and why, and what the verifier said."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.core.types import StopReason

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

DTYPES: dict[str, Any] = {
    **dict.fromkeys(("parent", "tokens", "order", "candidates", "verified"), np.int32),
    **dict.fromkeys(("token_ends", "visits"), np.int64),
    **dict.fromkeys(("logprobs", "value", "entropy", "score", "choice_score", "rewards"), np.float64),
    **dict.fromkeys(("terminal", "among_siblings", "correct"), np.bool_),
}


@dataclass(frozen=True, eq=False)
class TreeRecord:
    """A tree as its search left it, nodes that were not chosen included.

    Shape letters: N nodes in order of creation, the root first; T tokens of all of them; E expansions in their order;
    V verified ends in their order.

    `parent` [N] is -1 for the root. Node n's own tokens are `tokens[token_ends[n - 1] : token_ends[n]]`, their natural
    log-probabilities are in `logprobs`; the root's are those that were given, with 0. `visits` is N(s), `value` q(s),
    `entropy` H(s), `score` what a scorer said of the step (NaN: nothing), `terminal` whether a response ends there,
    `stops` how its sample ended.

    `order` [E] are the expanded nodes. `choice_score` is each one's score when it was chosen, by the selector, or among
    its siblings by UCT where `among_siblings` says so; NaN for the root, which nothing chose,
    and where the selector gave no number. `candidates` counts the nodes that were to choose from.

    Of a rollout in waves, a node's `value` is the mean reward of the ends below it and `visits` their number, an
    expansion is a request that no selector scored (`candidates` 0), and a probe is an end where it began.

    `verified` [V] are the ends with a verdict, `rewards`, `correct` and `answers` (extracted) what it was.
    """

    problem_id: str
    parent: Int[np.ndarray, " N"]
    token_ends: Int[np.ndarray, " N"]
    tokens: Int[np.ndarray, " T"]
    logprobs: Float[np.ndarray, " T"]
    visits: Int[np.ndarray, " N"]
    value: Float[np.ndarray, " N"]
    entropy: Float[np.ndarray, " N"]
    score: Float[np.ndarray, " N"]
    terminal: Bool[np.ndarray, " N"]
    stops: tuple[StopReason, ...]
    order: Int[np.ndarray, " E"]
    choice_score: Float[np.ndarray, " E"]
    among_siblings: Bool[np.ndarray, " E"]
    candidates: Int[np.ndarray, " E"]
    verified: Int[np.ndarray, " V"]
    rewards: Float[np.ndarray, " V"]
    correct: Bool[np.ndarray, " V"]
    answers: tuple[str | None, ...]

    def __post_init__(self) -> None:
        for name, dtype in DTYPES.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype))

    def __eq__(self, other: object) -> bool:
        """Whether every field is equal; NaN equals NaN."""
        if not isinstance(other, TreeRecord):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]

    def step_tokens(self, node: int) -> Int[np.ndarray, " T"]:
        """The node's own tokens."""
        return self.tokens[self.token_ends[node - 1] if node else 0 : self.token_ends[node]]

    def _repr_html_(self) -> str:
        from dsk.core.shown_tree import record_html

        return record_html(self, f"Tree of problem {self.problem_id}, {len(self.parent)} nodes")


def _equal(mine: object, theirs: object) -> bool:
    if not (isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray)):
        return mine == theirs
    return np.array_equal(mine, theirs, equal_nan=mine.dtype == np.float64)
