"""Whether the problems of tuning and those of the table are apart: what one is judged on, the other never saw."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsk.compare.planning import PlannedRun
from dsk.core.errors import SpecError
from dsk.core.input.faults import fault_lines, shortened
from dsk.core.run.splits import read_problems
from dsk.core.spec import RunSpec
from dsk.core.types import Problem


@dataclass(frozen=True)
class Prompts:
    """The problems of some runs by their text, spaces aside: what they train on and what they are judged on."""

    train: frozenset[str]
    test: frozenset[str]


def prompts_of(planned: Sequence[PlannedRun]) -> Prompts:
    """Every problem that one of the runs uses; problem sets that several share are read once. Raises DataError."""
    specs = {json.dumps(_sets(run.spec), sort_keys=True): run.spec for run in planned}
    found = [read_problems(spec) for spec in specs.values()]
    return Prompts(_texts(p for train, _ in found for p in train), _texts(p for _, test in found for p in test))


def _sets(spec: RunSpec) -> dict[str, object]:
    whole = spec.dump()
    return {"task": whole["task"], "train": spec.screen.problems, "test": spec.evaluate.problems}


def _texts(problems: Iterable[Problem]) -> frozenset[str]:
    return frozenset(" ".join(_words(problem)) for problem in problems)


def _words(problem: Problem) -> list[str]:
    if isinstance(problem.prompt, str):
        return problem.prompt.split()
    return [word for message in problem.prompt for word in message["content"].split()]


def refuse_overlap(tuning: Sequence[PlannedRun], table: Sequence[PlannedRun], source: str) -> None:
    """Raises SpecError where a problem that the table or tuning is judged on is one of the other's problems."""
    if not tuning:
        return
    tried, final = prompts_of(tuning), prompts_of(table)
    pairs = (
        ("the table's test problems", "tuning's test problems", final.test & tried.test),
        ("the table's test problems", "tuning's training problems", final.test & tried.train),
        ("tuning's test problems", "the table's training problems", tried.test & final.train),
    )
    faults = [
        f"tune: {len(common)} of {whole} are {other} too, such as '{shortened(min(common))}';"
        ' give tuning other problems by `tune.set`, e.g. {"task.seed": 1}'
        for whole, other, common in pairs
        if common
    ]
    if faults:
        raise SpecError(*fault_lines(source, faults))
