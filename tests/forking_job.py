"""A job that asks for several things at once: every request that comes back forks into others, down to a depth."""

from collections.abc import Sequence
from dataclasses import replace

from scripted_search import PROBLEM, SETTING

from dsk.core.roles import Known
from dsk.core.sampling.responses import numbered, whole_response
from dsk.core.seeding import derive_seed
from dsk.core.types import Group, Problem, Question, Sample, SampleRequest, Verdict

LENGTH = 5


class Forking:
    """`forks` requests of two samples each at once; where both answers of one are wrong, `forks` further ones."""

    def __init__(self, problem: Problem = PROBLEM, forks: int = 3, depth: int = 2, seed: int = 0) -> None:
        self.problem, self.known, self.forks, self.depth, self.seed = problem, Known((1, 2)), forks, depth, seed
        self.most_out = 0
        self._ready = [(fork,) for fork in range(forks)]
        self._out: dict[str, tuple[int, ...]] = {}
        self._samples: dict[tuple[int, ...], Sequence[Sample]] = {}
        self._asked: list[tuple[int, ...]] = []
        self._verdicts: dict[tuple[int, ...], Verdict] = {}

    @property
    def given(self) -> Sequence[tuple[int, ...]]:
        return [self.known.prompt]

    @property
    def open(self) -> bool:
        return bool(self._asked)

    def requests(self) -> list[SampleRequest]:
        made: list[SampleRequest] = []
        for path in self._ready:
            name = f"{self.problem.id}#{self.seed}:{'/'.join(map(str, path))}"
            prefix, seed = (*self.known.prompt, *path), derive_seed(self.seed, path)
            made.append(SETTING.request(name, prefix, 2, LENGTH, seed))
            self._out[name] = path
        self._ready = []
        self.most_out = max(self.most_out, len(self._out))
        return made

    def deliver(self, request_id: str, samples: Sequence[Sample]) -> list[Question]:
        path = self._out.pop(request_id)
        self._samples[path] = samples
        first = len(self._asked)
        self._asked += [(*path, number) for number in range(len(samples))]
        return [Question(first + number, (*path, *sample.tokens)) for number, sample in enumerate(samples)]

    def answer(self, question: int, answer: Verdict | float) -> None:
        assert isinstance(answer, Verdict)
        name = self._asked[question]
        self._verdicts[name] = answer
        path, both = name[:-1], [self._verdicts.get((*name[:-1], number)) for number in (0, 1)]
        if len(path) < self.depth and all(verdict is not None and not verdict.correct for verdict in both):
            self._ready += [(*path, fork) for fork in range(self.forks)]

    def group(self) -> Group:
        """Whatever came back when, in the order of the paths."""
        found = []
        for name, verdict in sorted(self._verdicts.items()):
            sample = self._samples[name[:-1]][name[-1]]
            found.append(replace(whole_response(sample, verdict, SETTING.reward(verdict), "direct"), path=name))
        return Group(self.problem, self.known.prompt, numbered(found), "direct")
