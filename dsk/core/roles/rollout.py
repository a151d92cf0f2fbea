"""How a problem becomes a group: a `Rollout` starts a `Job`, which asks for samples and answers until it is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from dsk.core.component import Component
from dsk.core.types import Group, Problem, Question, Sample, SampleRequest, Trajectory, Verdict

if TYPE_CHECKING:
    from dsk.core.spec import SamplingSpec

Tokens = tuple[int, ...]


class Job(Protocol):
    """One problem on its way to a group: a pure state machine, without engine, model or clock.

    What it becomes depends on its seed and on what was sampled, never on the order in which requests and questions
    come back. `given` has the token sequences that its requests start from and that nobody sampled, the prompt first.
    """

    problem: Problem

    @property
    def given(self) -> Sequence[Tokens]:
        """What was not sampled, for the ledger: the prompt, and prefixes that begin with it."""
        ...

    @property
    def open(self) -> bool:
        """Whether an answer that is still out may lead to another request."""
        ...

    def requests(self) -> list[SampleRequest]:
        """All requests that can run now, each given out once. Ids are unique within the run."""
        ...

    def deliver(self, request_id: str, samples: Sequence[Sample]) -> list[Question]:
        """Take a request's samples, in any order of requests; what has to be known about them."""
        ...

    def answer(self, question: int, answer: Verdict | float) -> None:
        """Take the answer to a question (by its id), in any order: a verdict, or a score in [0, 1]."""
        ...

    def group(self) -> Group:
        """The end, when nothing is out and `requests` has nothing more."""
        ...


def _no_tokenizer(text: str) -> Sequence[int]:
    raise ValueError("these jobs know no tokenizer: give Setting `encode`")


@dataclass(frozen=True)
class Setting:
    """What the jobs of a run share.

    `reward` turns a verdict into a number in [-1, 1], `pieces` a sequence of tokens into the text of each, `encode` a
    text into tokens. `scored` says whether somebody answers questions of the kind `score`, `keep_trees` whether a group
    should come with its whole tree.
    """

    sampling: SamplingSpec
    max_response_tokens: int
    reward: Callable[[Verdict], float]
    pieces: Callable[[Sequence[int]], list[str]]
    scored: bool = False
    encode: Callable[[str], Sequence[int]] = _no_tokenizer
    keep_trees: bool = False

    def request(
        self, name: str, prefix: Tokens, n: int, max_tokens: int, seed: int, stop_strings: tuple[str, ...] = ()
    ) -> SampleRequest:
        """A request with the run's sampling."""
        plain = (self.sampling.temperature, self.sampling.top_p, self.sampling.top_k)
        return SampleRequest(name, prefix, n, max_tokens, seed, *plain, stop_strings=stop_strings)


@dataclass(frozen=True)
class Solution:
    """A verified response that is known: its tokens, end-of-sequence included, extracted answer and score."""

    tokens: Tokens
    answer: str | None
    score: float = 1.0


@dataclass(frozen=True)
class Failure:
    """A wrong response of a problem's last group: its tokens, end-of-sequence included.

    `recoverable` is how many of its first tokens are those of nodes that a right end lies below; 0 where none is known.
    """

    tokens: Tokens
    recoverable: int = 0


@dataclass(frozen=True)
class Known:
    """What is known of a problem before it is sampled.

    `given` are response tokens to start from. `solutions` verify; `replay` scores some under the present policy, which
    costs a pass through the model. `failures` are the wrong responses of the last group that is kept, only where the
    rollout uses them. `pass_rate` and `screened` are those of the last screening, `screened` only where
    the spec reuses its responses; `samples` is how many responses to take, where the spec allocates them. `history` is
    what earlier groups of the problem left (`Group.history`).
    """

    prompt: Tokens
    given: Tokens = ()
    solutions: tuple[Solution, ...] = ()
    replay: Callable[[Sequence[Solution]], list[Trajectory]] | None = None
    pass_rate: float | None = None
    samples: int | None = None
    screened: tuple[Trajectory, ...] = ()
    history: Mapping[str, float] = field(default_factory=dict[str, float])
    failures: tuple[Failure, ...] = ()


class Rollout(Component, ABC):
    """Turns a problem, what is known of it and a seed into a job; the job ends as a group.

    A spec has two places for one: `rollout` serves problems of which no solution is known, `replay` the others.
    """

    role: ClassVar[str] = "rollout"
    plural: ClassVar[str] = "rollouts"
    records: ClassVar[tuple[str, ...]] = ("Job", "Setting", "Known", "Solution", "Failure", "Question", "Terminal")
    default_kind: ClassVar[str | None] = "tree"
    needs_solutions: ClassVar[bool] = False
    """Whether it can only start where a solution is known, and so only be in `replay`."""
    values: ClassVar[str] = "tree"
    """What is known of the nodes of its trajectories: `tree` (values and means of rewards below), `probes` (means of
    fresh responses from each, besides), or `none` (whole responses)."""

    reuses: ClassVar[bool] = False
    """Whether it takes `Known.screened`."""
    allocates: ClassVar[bool] = False
    """Whether it takes `Known.samples`."""

    @abstractmethod
    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """A job. Everything random in it derives from `seed`."""

    @abstractmethod
    def group_size(self) -> int:
        """Most trajectories of a group."""

    @property
    def keeps_trees(self) -> bool:
        """Whether its groups have whole trees where the spec keeps them; by default, where nodes have values."""
        return self.values != "none"

    @property
    def needs_scores(self) -> str | None:
        """Its field that does nothing without scores of steps, where one is set; a spec without a scorer is refused."""
        return None

    @property
    def uses_solutions(self) -> bool:
        """Whether it starts from `Known.solutions` where there are any."""
        return self.needs_solutions

    @property
    def uses_failures(self) -> bool:
        """Whether it starts from `Known.failures` where there are any."""
        return False

    def reach(self, max_response_tokens: int) -> int:
        """Longest response that it can make, in tokens; `Known.given` is not counted."""
        return max_response_tokens

    @abstractmethod
    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """Most tokens that a request of its jobs holds beyond the prompt and `Known.given`, and the fields behind them.

        It holds its prefix once, and `max_tokens` for each sample.
        """

    def doubts(self, max_response_tokens: int) -> Iterable[str]:
        """One line, from its own path on, for each setting that cannot do what it seems to say."""
        return ()

    def doubts_about(self, answers: Sequence[str]) -> str | None:
        """What to say where it could not have made most of these finished answers of the policy; None elsewhere."""
        return None
