"""Make what studies of the regime `plateau` start from: a policy that GRPO saturated, and the problems it still fails.

Trains `studies/base/plateau_start.json`, says whether its held-out curve was flat over the last third of its budget,
then answers fresh problems and keeps those of which at most half of the samples are right, to train on and to judge by.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy import stats

import dsk
from dsk.compare.evaluation import answer_all
from dsk.components.tasks.arithmetic import Arithmetic
from dsk.core.loading import load_spec
from dsk.core.spec import SamplingSpec
from dsk.core.types import Problem

SPEC = Path(__file__).parents[1] / "studies" / "base" / "plateau_start.json"
OUT = Path("runs/regimes/plateau")
OTHER_SEED = 77
"""Of the problems that are sorted, none of which the policy was trained on or judged by."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the run, model and problems")
    parser.add_argument("--problems", type=int, default=4000, help="fresh problems of each split to answer")
    parser.add_argument("--samples", type=int, default=8, help="responses to each")
    args = parser.parse_args()
    spec = load_spec(SPEC)
    run = args.out / "run"
    if not (run / "final").is_dir():
        dsk.run(spec, run, resume=(run / "spec.json").is_file())
    print(flatness(list(evaluations(run))))
    task = Arithmetic.model_validate(
        {
            **spec.task.model_dump(exclude={"kind"}),
            "seed": OTHER_SEED,
            "train_problems": args.problems,
            "test_problems": args.problems,
        }
    )
    for split in ("train", "test"):
        found = list(task.problems(split))
        answered = answer_all(spec, str(run / "final"), found, args.samples, SamplingSpec(temperature=1.0))
        failed = [item.problem for item in answered if item.rate <= 0.5]
        right = sum(item.rate for item in answered) / len(answered)
        write(args.out / f"{split}.jsonl", failed)
        print(f"{split}: {right:.1%} of the responses to {len(found)} problems are right; kept {len(failed)}")


def evaluations(run: Path) -> Iterator[Mapping[str, Any]]:
    """The run's held-out evaluations, in order."""
    for line in (run / "events.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["event"] == "evaluation":
            yield record


def flatness(found: Sequence[Mapping[str, Any]]) -> str:
    """Points gained over the last third of the budget by a straight line, with its 95% interval."""
    end = found[-1]["model_tokens"]
    late = [e for e in found if e["model_tokens"] >= end * 2 / 3]
    line = stats.linregress([e["model_tokens"] / end for e in late], [100 * e["pass_at_1"] for e in late])
    half = stats.t.ppf(0.975, len(late) - 2) * line.stderr
    low, gain, high = (slope / 3 for slope in (line.slope - half, line.slope, line.slope + half))
    return (
        f"last third of {end:,} model tokens: {gain:+.1f} points ({low:+.1f} to {high:+.1f}), {len(late)} evaluations"
    )


def write(path: Path, problems: Sequence[Problem]) -> None:
    """Problems as rows."""
    rows = (json.dumps({"problem": p.prompt, "answer": p.answer}) for p in problems)
    path.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
