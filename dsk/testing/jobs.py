"""A scripted world for rollouts: samples, verdicts and texts that follow from what is asked, and a loop that asks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dsk.core.roles import Failure, Job, Known, Rollout, Setting, Solution
from dsk.core.sampling.responses import whole_response
from dsk.core.seeding import derive_seed
from dsk.core.spec import RewardSpec, SamplingSpec
from dsk.core.types import Group, Problem, Question, Sample, SampleRequest, Trajectory, Verdict

PROMPT = (91, 92, 93)
LIMIT = 24
"""Longest response of the scripted world, in tokens."""
EOS = 0
TEXTS = ("", "we ", "say ", "so", "\n", "x", ". ", "the answer ", "1", "2")
"""What the tokens 0 to 9 say; every other token says its number."""
MOST_REQUESTS = 2_000


def pieces(tokens: Sequence[int]) -> list[str]:
    """The text of each token."""
    return [TEXTS[token] if token < len(TEXTS) else f"{token} " for token in tokens]


@dataclass(frozen=True)
class World:
    """A policy and a verifier. Sample `i` of a request depends on its prefix, sampling, seed and `i` alone.

    `end` is the chance of each token to end the response, `lost` that of a sample to have a log-probability that is
    no number. `keep_trees` asks for whole trees. In worlds of odd seeds the policy has a value head.
    """

    seed: int
    end: float = 0.08
    lost: float = 0.04
    keep_trees: bool = False

    @property
    def setting(self) -> Setting:
        """What jobs share: graded rewards, and nobody who scores steps."""
        return Setting(SamplingSpec(), LIMIT, RewardSpec(scale="graded").of, pieces, keep_trees=self.keep_trees)

    def sample(self, request: SampleRequest, i: int) -> Sample:
        """One continuation, which ends by itself, at a stop text, or at the request's limit."""
        rng = random.Random(derive_seed(self.seed, request.prefix, request.seed, i))
        tokens: list[int] = []
        stop = "length"
        while len(tokens) < request.max_tokens and stop == "length":
            tokens.append(EOS if rng.random() < self.end else rng.randint(1, len(TEXTS) - 1))
            said = "".join(pieces(tokens))
            if tokens[-1] == EOS:
                stop = "eos"
            elif any(text in said for text in request.stop_strings):
                stop = "stop"
        logprobs = [rng.choice([0.0, -0.05, -0.5, -2.0 * rng.random()]) for _ in tokens]
        if rng.random() < self.lost:
            logprobs[rng.randrange(len(logprobs))] = float("nan")
        values = [rng.random() for _ in tokens] if self.seed % 2 else []
        return Sample(tuple(tokens), tuple(logprobs), stop, 3, tuple(values))  # type: ignore[arg-type]

    def verdict(self, tokens: Sequence[int]) -> Verdict:
        """A score in quarters, and an answer that names the response."""
        score = random.Random(derive_seed(self.seed, "verdict", tuple(tokens))).randint(0, 4) / 4
        return Verdict(score > 0.5, f"answer {derive_seed(tuple(tokens)) % 1000}", "script", score)

    def answer(self, question: Question) -> Verdict | float:
        """The verdict, or a step's score."""
        return 0.5 if question.ask == "score" else self.verdict(question.tokens)

    def response(self, *name: object) -> Trajectory:
        """A whole response to the prompt, made by an earlier policy."""
        request = SampleRequest("", PROMPT, 1, LIMIT, derive_seed("response", *name))
        sample = World(self.seed, self.end, 0.0).sample(request, 0)
        verdict = self.verdict(sample.tokens)
        return whole_response(sample, verdict, self.setting.reward(verdict), "direct")

    def known(self, solutions: int = 0, given: int = 0, screened: int = 0, failures: int = 0) -> Known:
        """So much knowledge of a problem; with failures it has a pass rate, which is often above one half."""
        made = tuple(self.response("solution", n) for n in range(solutions))
        return Known(
            PROMPT,
            given=tuple(self.response("given").tokens.tolist())[:given],
            solutions=tuple(Solution(tuple(t.tokens.tolist()), t.answer) for t in made),
            replay=self.replayed,
            screened=tuple(self.response("screened", n) for n in range(screened)),
            failures=tuple(self._failure(n) for n in range(failures)),
            pass_rate=(self.seed % 3) / 2 if failures else None,
        )

    def _failure(self, number: int) -> Failure:
        tokens = tuple(self.response("failure", number).tokens.tolist())
        return Failure(tokens, recoverable=number % 3 * len(tokens) // 3)

    def replayed(self, solutions: Sequence[Solution]) -> list[Trajectory]:
        """Solutions under the present policy."""
        return [self._replayed(solution) for solution in solutions]

    def _replayed(self, solution: Solution) -> Trajectory:
        verdict = self.verdict(solution.tokens)
        sample = Sample(solution.tokens, (-0.5,) * len(solution.tokens), "eos", 3)
        return whole_response(sample, verdict, self.setting.reward(verdict), "cached")


@dataclass
class Played:
    """What a job asked for and became. `sampled` counts tokens; `late` are requests that only an answer made."""

    requests: list[SampleRequest] = field(default_factory=list[SampleRequest])
    questions: list[Question] = field(default_factory=list[Question])
    group: Group | None = None
    sampled: int = 0
    repeated: int = 0
    """Requests that were handed out again at once."""
    surprising: int = 0
    """Requests that followed an answer although the job was not open when it came."""

    @property
    def end(self) -> Group:
        """The group."""
        assert self.group is not None
        return self.group


def problem(name: str = "p") -> Problem:
    """A problem."""
    return Problem(name, "question", "answer")


def play(world: World, job: Job, order: int | None = None) -> Played:
    """Drive a job to its end; what is out comes back in the order of asking, or at random by the seed `order`."""
    played, rng = Played(), random.Random(order)
    out: list[SampleRequest | Question] = []
    _ask(job, played, out)
    while out:
        taken = out.pop(0 if order is None else rng.randrange(len(out)))
        opened, before = job.open, len(played.requests)
        if isinstance(taken, SampleRequest):
            samples = [world.sample(taken, i) for i in range(taken.n)]
            played.sampled += sum(len(sample.tokens) for sample in samples)
            questions = job.deliver(taken.id, samples)
            played.questions += questions
            out += questions
        else:
            job.answer(taken.id, world.answer(taken))
        _ask(job, played, out)
        if isinstance(taken, Question) and not opened:
            played.surprising += len(played.requests) - before
    played.group = job.group()
    return played


def _ask(job: Job, played: Played, out: list[SampleRequest | Question]) -> None:
    requests = job.requests()
    played.requests += requests
    out += requests
    played.repeated += len(job.requests()) if requests else 0
    assert len(played.requests) <= MOST_REQUESTS, f"it asked for {MOST_REQUESTS} requests, and for more"


def start(rollout: Rollout, world: World, known: Known, seed: int = 0, name: str = "p") -> Job:
    """A job in the world."""
    return rollout.start(problem(name), known, seed, world.setting)


def below(group: Group) -> dict[int, float]:
    """Mean reward of the verified ends at or below each node, the root's (0) that of all."""
    found: dict[int, list[float]] = {}
    for end in group.verified:
        for node in (0, *end.path):
            found.setdefault(node, []).append(end.reward)
    return {node: float(np.mean(rewards)) for node, rewards in found.items()}
