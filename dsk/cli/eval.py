"""`dsk eval`: a model or checkpoint on a test set or a suite of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from dsk.compare.evaluation import Answered, Scores
    from dsk.compare.statistics import Difference
    from dsk.compare.suite import Suite
    from dsk.core.spec import RunSpec, SamplingSpec


ONE_TRAINING = (
    "the difference is between these two models on problems like these; runs of one setting differ among themselves,"
    " so it says nothing of how the models were trained"
)


def evaluate(
    model: Annotated[str, typer.Argument(help="Model directory, hub id, run folder or checkpoint.")],
    spec: Annotated[
        Path | None, typer.Option(help="Spec with engine, prompt, verifier and task [default: that of the run].")
    ] = None,
    suite: Annotated[Path | None, typer.Option(help="Suite file: several test sets.", show_default=False)] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a value of the spec; repeatable.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Samples a problem [default: the suite's, or 32].")] = None,
    problems: Annotated[int, typer.Option(min=0, help="Only the first so many problems; 0 is all.")] = 0,
    temperature: Annotated[float, typer.Option(help="Softmax temperature.")] = 0.6,
    top_p: Annotated[float, typer.Option(help="Nucleus mass.")] = 0.95,
    k: Annotated[list[int] | None, typer.Option(help="pass@k and majority@k; repeatable.", show_default=False)] = None,
    against: Annotated[str | None, typer.Option(help="Another model: adds the paired difference.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for results.json and samples_TASK.jsonl.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge a model: pass@1 with its interval, pass@k, majority@k, length, truncation."""
    from dsk.cli.terminal import console
    from dsk.compare.harness import write_results
    from dsk.core.spec import SamplingSpec

    sampling = SamplingSpec(temperature=temperature, top_p=top_p)
    loaded, sets = _sets(model, spec, suite, overrides or [])
    judge = _Judge(sampling, samples, problems, k, console(stderr=True))
    found = {name: judge.run(name, model, *place) for name, place in sets.items()}
    other = {name: judge.run(name, against, *place) for name, place in sets.items()} if against else {}
    answered = {name: items for name, items in found.items() if items}
    scores = {name: judge.summarise(items) for name, items in answered.items()}
    gaps = judge.differences(answered, {name: items for name, items in other.items() if items})
    if out:
        settings = {"temperature": temperature, "top_p": top_p, "spec": loaded.name, "seed": loaded.seed}
        write_results(out, model, scores, answered, settings)
    if as_json:
        typer.echo(json.dumps(_data(scores, gaps, judge.faults), indent=2))
    else:
        _print(model, against, scores, gaps, judge.faults)
    if not scores:
        raise typer.Exit(2)


def _sets(
    model: str, spec: Path | None, suite: Path | None, overrides: list[str]
) -> tuple[RunSpec, dict[str, tuple[RunSpec, int]]]:
    """The spec, and by name each test set's own spec with its number of samples."""
    from dsk.compare.suite import judged_spec, load_suite
    from dsk.core.errors import SpecError
    from dsk.core.loading import load_spec
    from dsk.core.run.judged_model import run_spec_of

    source = spec or run_spec_of(model)
    if source is None:
        raise SpecError(f"{model}: belongs to no run; name the spec with its prompt, engine and verifier (--spec)")
    loaded = load_spec(source, overrides)
    if suite is None:
        return loaded, {loaded.task.kind: (loaded, 32)}
    found: Suite = load_suite(suite)
    return loaded, {name: (judged_spec(loaded, entry), entry.samples) for name, entry in found.tasks.items()}


class _Judge:
    """Runs test sets with one setting; `faults` are those that could not be read, one line each."""

    def __init__(
        self, sampling: SamplingSpec, samples: int | None, problems: int, ks: list[int] | None, say: Console
    ) -> None:
        self.sampling, self.samples, self.problems, self.ks, self.say = sampling, samples, problems, ks, say
        self.faults: dict[str, str] = {}

    def run(self, name: str, model: str, spec: RunSpec, samples: int) -> list[Answered]:
        from rich.text import Text

        from dsk.compare.evaluating import judged_problems
        from dsk.compare.evaluation import answer_all
        from dsk.core.errors import DataError

        try:
            asked = judged_problems(spec)
        except DataError as error:
            self.faults[name] = str(error)
            return []
        asked = asked[: self.problems] if self.problems else asked
        what = Text(f"{name}: {len(asked)} problems x {self.samples or samples} samples, {model}")
        with self.say.status(what):
            return answer_all(spec, model, asked, self.samples or samples, self.sampling)

    def summarise(self, answered: list[Answered]) -> Scores:
        from dsk.compare.evaluating import KS
        from dsk.compare.evaluation import summarise

        count = len(answered[0].correct) if answered else 0
        return summarise(answered, self.ks or sorted({*KS, count}))

    def differences(
        self, answered: dict[str, list[Answered]], other: dict[str, list[Answered]]
    ) -> dict[str, Difference]:
        """Model minus the other, on the same problems, corrected over the test sets."""
        import numpy as np

        from dsk.compare.statistics import correct, paired_difference

        shared = [name for name in answered if name in other]
        rates = {name: [np.asarray([[a.rate for a in side[name]]]) for side in (answered, other)] for name in shared}
        pairs = [paired_difference(mine, theirs, share=True) for mine, theirs in rates.values()]
        return dict(zip(shared, correct(pairs), strict=True)) if pairs else {}


def _data(scores: dict[str, Scores], gaps: dict[str, Difference], faults: dict[str, str]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "scores": {name: asdict(found) for name, found in scores.items()},
        "differences": {
            name: {k: v for k, v in asdict(found).items() if k != "improvement"} for name, found in gaps.items()
        },
        "not_available": faults,
    }


def _print(
    model: str, against: str | None, scores: dict[str, Scores], gaps: dict[str, Difference], faults: dict[str, str]
) -> None:
    from dsk.cli.grid import print_grid
    from dsk.compare.table import Cell, Grid, estimate_text

    ks = sorted({k for found in scores.values() for k in found.pass_at if k > 1})
    heads = ["test set", "problems", "samples", "pass@1 %", *(["difference (points)"] if gaps else [])]
    graded = any(found.mean_score is not None for found in scores.values())
    heads += ["mean score %"] if graded else []
    heads += [*(f"pass@{k} %" for k in ks), *(f"majority@{k} %" for k in ks), "tokens", "truncated %"]
    rows = []
    for name, found in scores.items():
        cells = [name, str(found.problems), str(found.samples), estimate_text("pass_at_1", found.pass_at_1)]
        cells += [_gap(gaps.get(name))] if gaps else []
        cells += [_percent(found.mean_score)] if graded else []
        cells += [_percent(found.pass_at.get(k)) for k in ks] + [_percent(found.majority_at.get(k)) for k in ks]
        rows.append([*cells, f"{found.length:.0f}", _percent(found.truncated)])
    if len(scores) > 1:
        mean = sum(found.pass_at_1.mean for found in scores.values()) / len(scores)
        partial = f" of {len(scores)} of {len(scores) + len(faults)}" if faults else ""
        rows.append([f"average{partial}", "", "", _percent(mean), *[""] * (len(heads) - 4)])
    notes = tuple(f"{name}: not available: {fault}" for name, fault in faults.items())
    notes += (ONE_TRAINING,) if gaps else ()
    title = model + (f" against {against}" if against else "")
    print_grid(Grid(title, tuple(heads), tuple(tuple(Cell(c) for c in row) for row in rows), notes))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _gap(found: Difference | None) -> str:
    if found is None:
        return "-"
    mean, low, high = (f"{100 * v:+.1f}" for v in (found.mean, found.low, found.high))
    told = f"p {found.adjusted_p:.3f}" if found.distinguishable else "not distinguishable"
    return f"{mean} [{low}, {high}], {told}"
