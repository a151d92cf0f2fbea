"""Three verifiers on the cases of tests/answers.jsonl: math-verify as its README says, `boxed` and `math`.

`python benchmarks/verifier.py --cases`. math-verify parses the reference between dollars and the whole response, in
this process and with its own time limits; `math` has one worker and looks after a phrase, for a formula and for a
number where nothing is boxed, since math-verify does so too.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from side_by_side import Figure, figure

from dsk.components.verifiers import BoxedVerifier, MathVerifier
from dsk.core.roles import Verifier
from dsk.core.types import Problem

FILE = Path(__file__).resolve().parents[1] / "tests" / "answers.jsonl"
Case = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """One verifier's yes or no on every case, and its time (milliseconds an answer)."""

    name: str
    yes: list[bool]
    milliseconds: float

    def right(self, cases: list[Case]) -> list[bool]:
        """Whether each decision is the reader's."""
        return [yes == case["right"] for yes, case in zip(self.yes, cases, strict=True)]

    def wrongly_accepted(self, cases: list[Case]) -> int:
        """How many wrong answers got a yes."""
        return sum(yes and not case["right"] for yes, case in zip(self.yes, cases, strict=True))


def compare(listed: bool) -> list[Figure]:
    """Judge every case by all three, print the table by kind, and give the figures."""
    cases = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    ours = MathVerifier(workers=1, fallbacks=("phrase", "formula", "number"), memo=0)
    theirs = _timed("math-verify", cases, _math_verify)
    judged = [theirs, _session(BoxedVerifier(), cases), _session(ours, cases)]
    _show_kinds(cases, judged)
    behind = [
        case for case, a, b in zip(cases, theirs.right(cases), judged[-1].right(cases), strict=True) if a and not b
    ]
    for case in behind if listed else []:
        print(f"   math-verify right, math wrong: {case}")
    figures = [figure("math: wrong where math-verify is right", len(behind), f"of {sum(theirs.right(cases))}", "0")]
    for one in judged:
        share = 100 * sum(one.right(cases)) / len(cases)
        figures.append(figure(f"{one.name}: cases decided rightly", share, "%", "-"))
        figures.append(figure(f"{one.name}: wrong answers accepted", one.wrongly_accepted(cases), "cases", "-"))
        figures.append(figure(f"{one.name}: time", one.milliseconds, "ms/answer", "-"))
    return figures


def _math_verify(case: Case) -> bool:
    from math_verify import parse, verify

    return bool(verify(parse(f"${case['reference']}$"), parse(case["response"])))


def _timed(name: str, cases: list[Case], decide: Callable[[Case], bool]) -> Judged:
    logging.disable(logging.CRITICAL)
    decide(cases[0])
    started = time.perf_counter()
    yes = [decide(case) for case in cases]
    return Judged(name, yes, 1000 * (time.perf_counter() - started) / len(cases))


def _session(verifier: Verifier, cases: list[Case]) -> Judged:
    items = [(Problem(str(number), "", case["reference"]), case["response"]) for number, case in enumerate(cases)]
    with verifier.open() as session:
        session.verify([(Problem("w", "", "x+1"), "\\boxed{1+x+y}")])
        started = time.perf_counter()
        verdicts = session.verify(items)
        seconds = time.perf_counter() - started
    return Judged(verifier.kind, [verdict.correct for verdict in verdicts], 1000 * seconds / len(cases))


def _show_kinds(cases: list[Case], judged: list[Judged]) -> None:
    """A row of Markdown for each kind: cases, and how many each verifier decided rightly."""
    print(f"| kind | cases | {' | '.join(one.name for one in judged)} |\n|---|---|{'---|' * len(judged)}")
    right = [one.right(cases) for one in judged]
    for kind in dict.fromkeys(case["kind"] for case in cases):
        at = [index for index, case in enumerate(cases) if case["kind"] == kind]
        print(f"| {kind} | {len(at)} | {' | '.join(str(sum(one[i] for i in at)) for one in right)} |")
