"""Is the `math` verifier right, and how fast? Measured on real reference answers, beside the paper's `boxed` rule.

At the end: how fast the tasks read the problems.

    python benchmarks/verifier.py [--json [FILE]] [--sample N] [--list] [--hostile N] [--cases]

`--json` writes {"figures": [{"name", "value", "unit", "target"}]}; `--list` prints every miss; `--hostile 10000` judges
so many hostile responses in a row, an honest one after each, and nothing else; `--cases` compares math-verify, `boxed`
and `math` on tests/answers.jsonl, by kind, and nothing else. Data: ../shared/data/deepmath_hard (DeepMath-103K answers
of two rounds); without it, only speed is measured.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import psutil
from answer_cases import compare
from side_by_side import Figure, figure, show, write

from dsk.components.tasks import Jsonl, Parquet
from dsk.components.verifiers import BoxedVerifier, MathVerifier
from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict
from dsk.testing.answers import mutations, rewrites
from dsk.testing.hostile import hostile_stream

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "deepmath_hard"
ROUNDS = ("r0_0", "r0_25", "r1_0", "r1_25")
Case = tuple[str, str, str]  # rule, reference, given


def reference_answers() -> Counter[str]:
    """Every reference answer with how often it occurs; empty without the data."""
    import pyarrow.parquet as pq

    answers: Counter[str] = Counter()
    for name in ROUNDS:
        path = DATA / f"{name}.parquet"
        if path.exists():
            column = pq.read_table(path, columns=["reward_model"]).column(0).to_pylist()
            answers.update(row["ground_truth"] for row in column)
    return answers


def judge(verifier: Verifier, cases: list[Case], batch: int = 1024) -> list[Verdict]:
    """Verdicts on responses that box the given answers."""
    verdicts: list[Verdict] = []
    with verifier.open() as session:
        for start in range(0, len(cases), batch):
            items = [
                (Problem("p", "", gold), f"So the answer is $\\boxed{{{given}}}$.")
                for _, gold, given in cases[start : start + batch]
            ]
            verdicts += session.verify(items)
    return verdicts


def share(cases: list[Case], verdicts: list[Verdict], weights: Counter[str]) -> float:
    """Percent of the real answers (with repetition) behind `cases` that were accepted."""
    total = sum(weights[gold] for _, gold, _ in cases)
    accepted = sum(weights[gold] for (_, gold, _), v in zip(cases, verdicts, strict=True) if v.correct)
    return 100.0 * accepted / total if total else 0.0


def by_rule(cases: list[Case], verdicts: list[Verdict]) -> Iterable[tuple[str, int, int]]:
    """(rule, cases, accepted) for every rule."""
    total = Counter(rule for rule, _, _ in cases)
    accepted = Counter(rule for (rule, _, _), v in zip(cases, verdicts, strict=True) if v.correct)
    return [(rule, total[rule], accepted[rule]) for rule in total]


def correctness(weights: Counter[str], listed: bool) -> list[Figure]:
    """Shares of own spellings, rewritten and mutated answers that are accepted, for `math` and `boxed`."""
    sets: dict[str, tuple[list[Case], bool, str, str]] = {
        "reference in a box": ([("own", g, g) for g in weights], True, ">= 99.5", "-"),
        "rewritten": ([(r, g, a) for g in weights for r, a in rewrites(g)], True, ">= 98", "-"),
        "mutated": ([(r, g, a) for g in weights for r, a in mutations(g)], False, "<= 0.2", "-"),
    }
    figures = []
    for name, (cases, right, target, none) in sets.items():
        for verifier, goal in ((MathVerifier(), target), (BoxedVerifier(), none)):
            started = time.perf_counter()
            verdicts = judge(verifier, cases)
            seconds = time.perf_counter() - started
            figures.append(figure(f"{verifier.kind}: {name}, accepted", share(cases, verdicts, weights), "%", goal))
            if listed and verifier.kind == "math":
                report(name, cases, verdicts, right, seconds)
    return figures


def report(name: str, cases: list[Case], verdicts: list[Verdict], right: bool, seconds: float) -> None:
    """Every miss of one set, on the terminal."""
    print(f"== {name}: {len(cases)} cases, {seconds:.1f} s, {dict(Counter(v.reason for v in verdicts))}")
    for rule, total, accepted in by_rule(cases, verdicts):
        print(f"   {rule}: {accepted}/{total}")
    for (rule, gold, given), verdict in zip(cases, verdicts, strict=True):
        if verdict.correct != right:
            print(f"   {rule}: {gold!r} given {given!r} -> {verdict.reason}")


def hostile(count: int) -> list[Figure]:
    """Hostile responses in batches of a hundred, each followed by an honest one that shows where its verdict went."""
    process, reasons, slowest, misplaced, memory = psutil.Process(), Counter[str](), 0.0, 0, []
    stream, started = hostile_stream(count), time.perf_counter()
    with MathVerifier(workers=2, cpu_limit=0.1, memo=0).open() as session:
        while batch := list(islice(stream, 100)):
            honest = [(Problem("h", "", str(n)), f"\\boxed{{{n}}}") for n in range(len(batch))]
            items = [item for text, good in zip(batch, honest, strict=True) for item in ((_HARD, text), good)]
            begun = time.perf_counter()
            verdicts = session.verify(items)
            slowest = max(slowest, time.perf_counter() - begun)
            reasons.update(verdict.reason for verdict in verdicts[::2])
            misplaced += sum(v.answer != p.answer for v, (p, _) in zip(verdicts[1::2], honest, strict=True))
            memory.append(process.memory_info().rss / 2**20)
    print(f"hostile: {dict(reasons)}")
    return [
        figure("math: hostile responses judged", reasons.total(), "verdicts", f"{count}"),
        figure("math: honest verdicts out of place", misplaced, "verdicts", "0"),
        figure("math: parent's growth after the first tenth", memory[-1] - memory[len(memory) // 10], "MiB", "flat"),
        figure("math: slowest batch of 100 hostile", slowest, "s", "-"),
        figure("math: hostile responses", count / (time.perf_counter() - started), "answers/s", "-"),
    ]


_HARD = Problem("x", "", "x+1")
ORDINARY = ("{n}", "-{n}", "\\frac{{{n}}}{{7}}", "{n}.5", "({n}, 2)", "\\sqrt{{{n}}}", "{n}\\pi", "\\text{{Yes}}", "B")


def speed(seconds_wanted: float) -> list[Figure]:
    """Ordinary short answers a second with two workers: nine forms in equal shares, half of them wrong."""
    rng = random.Random(0)
    items = []
    for index in range(int(2000 * seconds_wanted)):
        shape = ORDINARY[index % len(ORDINARY)]
        gold = shape.format(n=rng.randint(2, 99))
        given = gold.replace("\\frac", "\\dfrac") if rng.random() < 0.5 else shape.format(n=rng.randint(2, 99))
        text = "We compute step by step. " * 40 + f"\\boxed{{{given}}}"
        items.append((Problem(str(index), "", gold), text))
    figures = []
    for verifier in (MathVerifier(workers=2), BoxedVerifier()):
        with verifier.open() as session:
            session.verify([(Problem("w", "", "x+1"), "\\boxed{1+x+y}")] * 2)
            started = time.perf_counter()
            for start in range(0, len(items), 256):
                session.verify(items[start : start + 256])
            rate = len(items) / (time.perf_counter() - started)
        figures.append(figure(f"{verifier.kind}: ordinary answers", rate, "answers/s", ">= 1000"))
    return figures


def reading() -> list[Figure]:
    """Rows a second of the `parquet` task on the paper's problems, and of `jsonl` on the same problems."""
    columns = Parquet(train=str(DATA / "r0_0.parquet"), on_bad_row="skip")  # one answer is empty
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for problem in columns.problems("train"):
            file.write(json.dumps({"problem": problem.prompt, "answer": problem.answer}) + "\n")
        file.flush()
        figures = []
        for task in (columns, Jsonl(train=file.name)):
            started = time.perf_counter()
            rows = sum(1 for _ in task.problems("train"))
            rate = rows / (time.perf_counter() - started)
            figures.append(figure(f"{task.kind}: rows ({rows})", rate, "rows/s", "-"))
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", nargs="?", const="/dev/stdout", type=Path, help="figures as JSON, to a file or here")
    parser.add_argument("--list", action="store_true", help="print every miss")
    parser.add_argument("--sample", type=int, default=0, help="only this many distinct answers (0: all)")
    parser.add_argument("--hostile", type=int, default=0, help="judge only this many hostile responses")
    parser.add_argument("--cases", action="store_true", help="only compare three verifiers on tests/answers.jsonl")
    options = parser.parse_args()
    weights = reference_answers()
    if options.sample and weights:
        kept = random.Random(0).sample(sorted(weights), min(options.sample, len(weights)))
        weights = Counter({answer: weights[answer] for answer in kept})
    if options.cases:
        figures = compare(options.list)
    elif options.hostile:
        figures = hostile(options.hostile)
    else:
        figures = speed(2.0)
        if weights:
            figures += [*correctness(weights, options.list), *reading()]
    if options.json != Path("/dev/stdout"):
        show(figures)
    write(options.json, figures)


if __name__ == "__main__":
    main()
