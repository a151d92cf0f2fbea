"""The records that cross stages. Shape letters: G trajectories of a group, T tokens of one, D nodes of its path."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from dsk.core.tree_record import TreeRecord

StopReason = Literal["eos", "stop", "length"]
Origin = Literal["search", "direct", "cached"]


@dataclass(frozen=True)
class Problem:
    """One question with its reference answer.

    `prompt` is plain text or chat messages (`{"role", "content"}`); `id` is unique in its task.
    """

    id: str
    prompt: str | tuple[Mapping[str, str], ...]
    answer: str
    meta: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Verdict:
    """A verifier's decision on one answer; `reason` is a short code such as `equal` or `timeout`.

    `score` in [0, 1] is how good the answer is, where the verifier grades; left out it is 1 for a correct one, else 0.
    `parts` are the scores in [0, 1] that it is made of, each with its name, where there are several: steps record their
    means.
    """

    correct: bool
    answer: str | None
    reason: str
    score: float = None  # type: ignore[assignment]  # left out: 1 where correct, else 0
    parts: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.score is None:  # pyright: ignore[reportUnnecessaryComparison]
            object.__setattr__(self, "score", 1.0 if self.correct else 0.0)


@dataclass(frozen=True)
class Question:
    """What a job asks about a response, or about its last step; `id` is the job's own and comes back with the answer.

    `tokens` are the response's, `steps` the lengths of its steps where the question is about one.
    """

    id: int
    tokens: Sequence[int]
    ask: Literal["verdict", "score"] = "verdict"
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class SampleRequest:
    """Ask an engine for `n` continuations of `prefix`.

    Sample `i` depends only on (`prefix`, sampling fields, `seed`, `i`), never on the rest of the batch.
    `top_k` 0 and `top_p` 1 switch truncation off. `stop_strings` end a sample after the token that
    completes one; `stop_tokens` are ids that do so besides the model's own end-of-sequence ids.
    """

    id: str
    prefix: tuple[int, ...]
    n: int
    max_tokens: int
    seed: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    stop_tokens: tuple[int, ...] = ()
    stop_strings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One continuation.

    `tokens` [T] includes the token that ended it (end-of-sequence or stop). `logprobs` [T] are natural
    logarithms under the untempered, untruncated policy. `stop` is `eos` also when the end-of-sequence token is the
    last one allowed. `version` is the policy version the first token was drawn under. `values` [T], where the policy
    has a value head, are what it says of the state that each token was drawn from: the last is the value before the
    last token, which need not go through the model.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    stop: StopReason
    version: int
    values: tuple[float, ...] = ()

    @property
    def value(self) -> float | None:
        """The chance of a right response from here, in (0, 1); None without a value head."""
        return self.values[-1] if self.values else None


@dataclass(frozen=True)
class Completion:
    """All samples of one finished request, in order of their index."""

    request_id: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class EngineStats:
    """Counters since the engine was opened (tokens, seconds)."""

    decoded_tokens: int = 0
    """Tokens sampled."""
    cached_tokens: int = 0
    """Prefix tokens whose keys and values came from the cache."""
    encoded_tokens: int = 0
    """Prefix tokens that had to go through the model."""
    reencoded_tokens: int = 0
    """The part of `encoded_tokens` that had been through the model before."""
    forward_tokens: int = 0
    """Tokens that went through the model's layers in all, padding and scoring included."""
    model_seconds: float = 0.0
    scheduler_seconds: float = 0.0
    occupancy: float = 0.0
    """Mean share of the running batch's rows that were in use."""
    peak_cache_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One response to a problem, as it is trained.

    `tokens` [T] (int32) and `logprobs` [T] (float64) are the response only. `node_lengths` [D] cuts it into steps, one
    per node on the path, root excluded (a direct response has one); what they leave at its beginning was given, not
    sampled, and belongs to the root. `trained` [T] (bool) is false where a token is attended to and never trained: what
    was given, and what an environment said; left out, all that was sampled is trained.

    `node_ids` [D] name the steps within the tree, `values` [D] are the nodes' final `q`; `reward` in [-1, 1] is the
    response's, `entropy` the mean of -log p over its sampled tokens. `mean_rewards` [D + 1] is the Monte-Carlo value of
    each node, the root first: the mean reward of all verified terminals below it (what is trained takes it from the
    group's `terminals`, so that a filtered or penalised one counts as such). `tree` numbers the trees of a group that
    has several. `correct` is the verdict, whatever the reward.
    """

    tokens: Int[np.ndarray, " T"]
    logprobs: Float[np.ndarray, " T"]
    node_lengths: Int[np.ndarray, " D"]
    node_ids: tuple[int, ...]
    values: tuple[float, ...]
    mean_rewards: tuple[float, ...]
    reward: float
    entropy: float
    stop: StopReason
    version: int
    origin: Origin
    answer: str | None = None
    path: tuple[int, ...] = ()
    trained: Bool[np.ndarray, " T"] = None  # type: ignore[assignment]  # set below where it is left out
    tree: int = 0
    correct: bool = None  # type: ignore[assignment]  # left out: whether the reward is positive

    def __post_init__(self) -> None:
        if self.correct is None:  # pyright: ignore[reportUnnecessaryComparison]
            object.__setattr__(self, "correct", self.reward > 0)
        for name, dtype in (("tokens", np.int32), ("logprobs", np.float64), ("node_lengths", np.int32)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype))
        trained: Any = self.trained
        mask = np.arange(len(self.tokens)) >= self.given if trained is None else np.asarray(trained, np.bool_)
        object.__setattr__(self, "trained", mask)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trajectory):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]

    @property
    def given(self) -> int:
        """Tokens at the beginning that were not sampled."""
        return len(self.tokens) - int(self.node_lengths.sum())


def _equal(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, np.ndarray):
        return np.array_equal(cast("Any", mine), theirs)
    return mine == theirs


@dataclass(frozen=True)
class Terminal:
    """A verified end of a response: its node ids (root excluded), reward and response length in tokens.

    A `probe` was sampled, verified and paid for to learn the value of the node that `path` ends at; no trajectory has
    it.
    """

    path: tuple[int, ...]
    reward: float
    length: int
    probe: bool = False
    correct: bool = None  # type: ignore[assignment]  # left out: whether the reward is positive

    def __post_init__(self) -> None:
        if self.correct is None:  # pyright: ignore[reportUnnecessaryComparison]
            object.__setattr__(self, "correct", self.reward > 0)


@dataclass(frozen=True)
class Group:
    """The trajectories of one problem that are normalised together, and their prompt.

    `terminals` are all verified ends, those of no trajectory included; none given: those of the trajectories. A node's
    id is its own in the whole group, also where that has several trees; 0 is the prompt. A figure that `stats` has no
    value for (the tokens to a first solution that was not found) is not in it. `history` is what later groups of the
    problem should know; it lasts in checkpoints. `tree` is the whole tree, where the spec keeps it.
    """

    problem: Problem
    prompt_tokens: tuple[int, ...]
    trajectories: tuple[Trajectory, ...]
    origin: Origin
    stats: Mapping[str, float] = field(default_factory=dict[str, float])
    terminals: tuple[Terminal, ...] = ()
    history: Mapping[str, float] = field(default_factory=dict[str, float])
    tree: TreeRecord | None = None

    @property
    def solved(self) -> bool:
        """Whether any trajectory is correct."""
        return any(t.correct for t in self.trajectories)

    @property
    def verified(self) -> tuple[Terminal, ...]:
        """The group's terminals."""
        return self.terminals or tuple(
            Terminal(t.node_ids, t.reward, len(t.tokens), correct=t.correct) for t in self.trajectories
        )

    @property
    def ends(self) -> tuple[Terminal, ...]:
        """The verified ends of responses: all but the probes."""
        return tuple(end for end in self.verified if not end.probe)


@dataclass(frozen=True)
class CachedSolution:
    """A verified response in the cache, with where it came from.

    `tokenizer` is the `Policy.tokenizer_id` that `tokens` belong to; `text` is what was verified.
    """

    problem_id: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    run: str
    round: int
    step: int
    policy_version: int
    tokenizer: str


def named(record: Any) -> dict[str, Any]:
    """A dataclass's fields by name, not copied."""
    return {f.name: getattr(record, f.name) for f in fields(record)}


def mean_reward(rewards: Sequence[float]) -> float:
    """The mean of rewards [G], whatever their order: 0 of none, and of equal ones their value to the bit."""
    if not rewards or min(rewards) == max(rewards):
        return rewards[0] if rewards else 0.0
    return math.fsum(rewards) / len(rewards)
