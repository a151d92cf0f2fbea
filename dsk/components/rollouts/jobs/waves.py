"""A job that samples in waves: all requests of a wave at once, and the next wave made of what they all brought."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsk.components.rollouts.jobs.forest import PROMPT, Forest, Nodes
from dsk.components.rollouts.jobs.forest_group import Harvest
from dsk.components.rollouts.jobs.forest_record import forest_record
from dsk.core.roles import Known, Setting
from dsk.core.roles.rollout import Tokens
from dsk.core.sampling.responses import is_finite
from dsk.core.seeding import derive_seed
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group, Problem, Question, Sample, SampleRequest, Verdict


@dataclass(frozen=True)
class Start:
    """Where `n` samples of at most `max_tokens` begin: after `end` tokens of the response that `chain` is part of.

    `whole` samples end their response in any case; the others where the policy or a limit ends it. Samples of trees of
    their own (`apart`) are numbered from `tree` on.
    """

    chain: int
    end: int
    n: int
    max_tokens: int
    tree: int = 0
    apart: bool = False
    probe: bool = False
    whole: bool = True


class Waves(ABC):
    """What all rollouts in waves have in common. Chains are added in the order of requests, whatever came back first.

    Everything random derives from `seed` and the wave's number. Samples with a non-finite log-probability are dropped
    and counted.
    """

    waits = False
    """Whether a wave is made of the verdicts on the waves before."""
    merge = False
    """Whether equal steps of different responses are one node."""

    def __init__(self, problem: Problem, known: Known, seed: int, setting: Setting) -> None:
        self.problem, self.known, self.seed, self.setting = problem, known, seed, setting
        self.forest = Forest(known.given, setting.pieces)
        self.wave = 0
        self.fresh: list[int] = []
        """Chains of the last wave."""
        self.ended: set[int] = set()
        """Chains that end their response."""
        self.dropped_samples = self.sampled_tokens = self.request_count = 0
        self._over = False
        self._starts: list[tuple[Start, int]] = []
        """The wave's starts, each with the number of its first sample within the job."""
        self._samples_asked = 0
        self._out: dict[str, int] = {}
        self._came: dict[int, Sequence[Sample]] = {}
        self._unanswered: set[int] = set()
        self._verdicts: dict[int, Verdict] = {}
        self._chains: dict[int, int] = {}
        self._tokens_by_wave: list[int] = []
        self._wave_of: list[int] = []

    @abstractmethod
    def next_wave(self) -> list[Start]:
        """What to sample after `wave` waves; nothing ends the job."""

    def is_last(self) -> bool:
        """Whether no wave can follow, whatever the answers that are out say."""
        return self._over

    @property
    def given(self) -> Sequence[Tokens]:
        """The prompt and the given prefix."""
        return [self.known.prompt + self.known.given]

    @property
    def open(self) -> bool:
        """Whether answers may lead to another wave."""
        return self.waits and not self._over and not self.is_last()

    def requests(self) -> list[SampleRequest]:
        """The next wave, when the one before is in (and judged, where that matters)."""
        if self._over or self._out or (self.waits and self._unanswered):
            return []
        if self.waits:
            self._settle()
        starts = self.next_wave()
        self._over = not starts
        self._starts, self._came = [], {}
        requests = [self._request(number, start) for number, start in enumerate(starts)]
        self._out = {request.id: number for number, request in enumerate(requests)}
        self.request_count += len(requests)
        self.wave += bool(starts)
        return requests

    def _request(self, number: int, start: Start) -> SampleRequest:
        self._starts.append((start, self._samples_asked))
        self._samples_asked += start.n
        name = f"{self.wave}/{number}"
        prefix = self.known.prompt + tuple(self.forest.response(start.chain, start.end)[0].tolist())
        seed = derive_seed(self.seed, "wave", name)
        return self.setting.request(f"{self.problem.id}#{self.seed}:{name}", prefix, start.n, start.max_tokens, seed)

    def ends(self, start: Start, sample: Sample) -> bool:
        """Whether a sample is the end of its response."""
        full = start.end + len(sample.tokens) >= self.setting.max_response_tokens
        return start.whole or full or sample.stop == "eos" or not sample.tokens

    def deliver(self, request_id: str, samples: Sequence[Sample]) -> list[Question]:
        """Take a request's samples; those that end a response await a verdict. Raises ValueError for a strange id."""
        if request_id not in self._out:
            raise ValueError(f"'{request_id}' is no request of this job that is out")
        number = self._out.pop(request_id)
        self._came[number] = samples
        start, first = self._starts[number]
        prefix = self.forest.response(start.chain, start.end)[0].tolist()
        questions = [
            Question(first + i, [*prefix, *sample.tokens])
            for i, sample in enumerate(samples)
            if is_finite(sample) and self.ends(start, sample)
        ]
        self._unanswered |= {question.id for question in questions}
        if not self._out:
            self._take_in()
        return questions

    def _take_in(self) -> None:
        """Add the wave's samples to the forest."""
        self.fresh = []
        for number, (start, first) in enumerate(self._starts):
            for i, sample in enumerate(self._came[number]):
                self.sampled_tokens += len(sample.tokens)
                if is_finite(sample):
                    self._add(start, first + i, i, sample)
                else:
                    self.dropped_samples += 1
        self._tokens_by_wave.append(self.sampled_tokens)

    def _add(self, start: Start, number: int, place: int, sample: Sample) -> None:
        tree = start.tree + (place if start.apart else 0)
        chain = self.forest.add(sample, start.chain, start.end, tree, start.probe)
        self._chains[number] = chain
        self._wave_of.append(self.wave - 1)
        self.fresh.append(chain)
        if self.ends(start, sample):
            self.ended.add(chain)

    def answer(self, question: int, answer: Verdict | float) -> None:
        """Take the verdict on a response."""
        assert isinstance(answer, Verdict)
        self._unanswered.remove(question)
        self._verdicts[question] = answer

    def _settle(self) -> None:
        """Give the forest the verdicts so far."""
        judged = self._verdicts.keys()
        self.forest.verdicts = {
            c: self._verdicts[question] for question, c in self._chains.items() if question in judged
        }

    def room(self, end: int) -> int:
        """Tokens that may follow a response of `end`."""
        return self.setting.max_response_tokens - end

    def begin(self, n: int, *, apart: bool = False) -> Start:
        """Whole responses from the beginning."""
        given = len(self.known.given)
        return Start(PROMPT, given, n, self.room(given), apart=apart)

    def rng(self, *purpose: object) -> np.random.Generator:
        """A generator for one purpose of this wave."""
        return np.random.default_rng(derive_seed(self.seed, self.wave, *purpose))

    def group(self) -> Group:
        """Every verified response but probes; all verified ends are terminals."""
        self._settle()
        harvest = Harvest(self.forest, Nodes(self.forest, self.merge), self.setting.reward)
        stats = self.stats(harvest)
        group = Group(self.problem, self.known.prompt, harvest.trajectories, "search", stats, harvest.terminals)
        return replace(group, tree=self._record(harvest)) if self.setting.keep_trees else group

    def _record(self, harvest: Harvest) -> TreeRecord:
        return forest_record(self.problem.id, harvest, self.ended, self._wave_of)

    def stats(self, harvest: Harvest) -> dict[str, float]:
        """The forest's figures, under a search tree's names where they mean the same.

        An expansion is a request; `tokens_to_first_solution` is up to the end of its wave.
        """
        found = harvest.trajectories
        solved = [chain for chain, v in self.forest.verdicts.items() if v.correct and not self.forest.probes[chain]]
        first = min((self._wave_of[chain] for chain in solved), default=None)
        probes = [chain for chain, probe in enumerate(self.forest.probes) if probe]
        return {
            "expansions": self.request_count,
            "waves": len(self._tokens_by_wave),
            "nodes": len(harvest.nodes),
            "tokens": self.sampled_tokens,
            "probe_tokens": sum(self.forest.ends[chain] - self.forest.starts[chain] for chain in probes),
            "depth": _mean([len(t.node_ids) for t in found]),
            "entropy": _mean([t.entropy for t in found]),
            "reward": _mean([t.reward for t in found]),
            "solved_share": _mean([t.correct for t in found]),
            "truncated": sum(t.stop == "length" for t in found),
            "dropped_samples": self.dropped_samples,
            **({} if first is None else {"tokens_to_first_solution": self._tokens_by_wave[first]}),
        }


def _mean(figures: Sequence[float]) -> float:
    return float(np.mean(figures)) if figures else 0.0
