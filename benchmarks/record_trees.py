"""Record the search trees that the training benchmarks lay out: `python benchmarks/record_trees.py`, two minutes.

SmolLM2-135M-Instruct (`dsk doctor` says how to install it) searches four word problems of examples/data: width 4, steps
of 16 tokens, at most 128 tokens a response, eight recorded trajectories. The groups, with tokens and sampling
log-probabilities, go to benchmarks/trees.jsonl.zst in the format of a run's trees/ folder.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from dsk.core.loading import load_spec
from dsk.core.model.policy import load_policy
from dsk.core.roles import Known, Setting
from dsk.core.run.stored_groups import write_groups
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.scheduler import Scheduler

ROOT = Path(__file__).resolve().parents[1]
SEARCH = ("trajectories=8", "width=4", "step_tokens=16", "max_depth=8", "max_expansions=60")


def main() -> None:
    settings = [*(f"rollout.{part}" for part in SEARCH), "max_response_tokens=128"]
    spec = load_spec(ROOT / "examples" / "smollm2.json", settings)
    policy = load_policy(spec.model)
    with spec.verifier.open() as verifier, spec.engine.open(policy) as engine:
        setting = Setting(spec.sampling, spec.max_response_tokens, spec.rewards.of, policy.pieces)
        jobs = [
            spec.rollout.start(problem, Known(policy.prompt_tokens(problem, spec.prompt)), 7 + number, setting)
            for number, problem in enumerate(islice(spec.task.problems("train"), 4))
        ]
        groups = Scheduler(engine, Answerers(verifier, policy.decode), spec.tokens_in_flight).run(jobs)
    write_groups(ROOT / "benchmarks" / "trees.jsonl.zst", groups)


if __name__ == "__main__":
    main()
