"""Where equation 15 puts its credit: shares of the total absolute advantage of a run's steps.

    python benchmarks/unsolved_credit.py RUN [RUN ...] [--steps N]

For the first N steps of each run, under `node` advantages: positive credit on wrong trajectories, and credit of any
sign in trees without a solution, in percent of the sum of |advantage| over all tokens.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from dsk.components.advantages import NodeAdvantage
from dsk.core.run.stored_groups import read_groups
from dsk.core.spec import OverlongSpec, SoftClipSpec
from dsk.core.training.batch import shape_scores
from dsk.core.types import Group


def credit(groups: Sequence[Group]) -> tuple[float, float, float]:
    """(all, positive on wrong trajectories, in unsolved trees) of |advantage| summed over tokens."""
    total = wrong = unsolved = 0.0
    for group in groups:
        shaped = shape_scores(group, SoftClipSpec(), OverlongSpec(), 1 << 30)
        for trajectory, path in zip(group.trajectories, NodeAdvantage().values(shaped), strict=True):
            for advantage, tokens in zip(path, trajectory.node_lengths, strict=True):
                total += abs(advantage) * tokens
                wrong += max(advantage, 0.0) * tokens * (not trajectory.correct)
                unsolved += abs(advantage) * tokens * (not group.solved)
    return total, wrong, unsolved


def main() -> None:
    parser = argparse.ArgumentParser(description="Where equation 15 puts its credit.")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--steps", type=int, default=3)
    args = parser.parse_args()
    print("| run | step | positive on wrong trajectories | in unsolved trees |\n|---|---|---|---|")
    for run in args.runs:
        for step in range(args.steps):
            groups = read_groups(run / "trees" / f"{step:06d}.jsonl.zst")
            total, wrong, unsolved = credit([g for g in groups if g.origin == "search"])
            print(f"| {run.parent.name}/{run.name} | {step + 1} | {wrong / total:.0%} | {unsolved / total:.0%} |")


if __name__ == "__main__":
    main()
