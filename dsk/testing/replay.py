"""Replay recorded search traces: `python -m dsk.testing.replay FILE.json`.

A trace holds a configuration, the samples a policy would draw (by node path), and what the search made of them:
the order of expansions, every node's q and visits, the recorded trajectories. Exit status 0 when ours is the same to
1e-9 (q) and 1e-6 (entropy), 1 with the first difference otherwise, 2 when the file is no trace.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.core.errors import SpecError
from dsk.core.input.reading import read_json
from dsk.core.roles import Known, Setting
from dsk.core.spec import RewardSpec, SamplingSpec
from dsk.core.types import Problem, Sample, Verdict

VALUE_TOLERANCE = 1e-9
ENTROPY_TOLERANCE = 1e-6
UNBOUNDED = 1 << 30


def search_of(config: Mapping[str, Any]) -> TreeSearch:
    """The search that a trace's `config` describes."""
    bonus = {"constant": "linear"}.get(config["depth_bonus"], config["depth_bonus"])
    selector = {
        "kind": "frontier",
        "value_weight": config["lambda_value"],
        "entropy_weight": config["lambda_entropy"],
        "depth_weight": config["lambda_depth"],
        "depth_bonus": bonus,
    }
    spec = Tree.model_validate(
        {
            "width": config["width"],
            "max_depth": config["max_depth"],
            "trajectories": config["num_trajectories"],
            "gamma_min": config["gamma_min"],
            "exploration": config["uct_c"],
            "selector": selector,
        }
    )
    setting = Setting(SamplingSpec(), UNBOUNDED, RewardSpec().of, lambda tokens: [str(token) for token in tokens])
    return TreeSearch(Problem("trace", "", ""), Known(()), spec, config["seed"], setting)


def run_script(search: TreeSearch, script: Mapping[str, Mapping[str, Any]]) -> TreeSearch:
    """Drive `search` to its end with the script's samples and verdicts."""

    def path(node: int) -> str:
        return "/".join(map(str, search.tree.indices(node)))

    while requests := search.requests():
        parent = path(search.target or 0)
        steps = [script[f"{parent}/{i}" if parent else str(i)] for i in range(search.spec.width)]
        for question in search.deliver(requests[0].id, [_sample(step) for step in steps]):
            search.answer(question.id, Verdict(script[path(question.id)]["correct"], None, "script"))
    return search


def _sample(step: Mapping[str, Any]) -> Sample:
    logprobs = tuple(step["logprobs"])
    return Sample(tuple(range(len(logprobs))), logprobs, "eos" if step["terminal"] else "length", 0)


def difference(trace: Mapping[str, Any]) -> str | None:
    """The first place where our search departs from the trace, or None."""
    search = run_script(search_of(trace["config"]), trace["script"])
    tree = search.tree
    order = [list(tree.indices(node)) for node in search.expansion_order]
    found: list[tuple[str, Any, Any]] = [("expansion_order", order, trace["expansion_order"])]
    by_path = {"/".join(map(str, tree.indices(node))): node for node in range(tree.size)}
    found.append(("nodes", sorted(by_path), sorted(trace["nodes"])))
    for path, expected in trace["nodes"].items():
        node = by_path.get(path, 0)
        found.append((f"node '{path}' visits", int(tree.visits[node]), expected["visits"]))
        found.append((f"node '{path}' q", float(tree.value[node]), expected["q"]))
    found.append(("number of trajectories", len(search.recorded), len(trace["trajectories"])))
    for index, (ours, theirs) in enumerate(zip(search.recorded, trace["trajectories"], strict=False)):
        found.append((f"trajectory {index} path", list(tree.indices(ours.node)), theirs["path"]))
        found.append((f"trajectory {index} reward", ours.reward, theirs["reward"]))
        found.append((f"trajectory {index} entropy", ours.entropy, theirs["entropy"]))
        found.append((f"trajectory {index} q", tree.value[tree.path(ours.node)].tolist(), theirs["q"]))
    return next((f"{name}: ours {a}, recorded {b}" for name, a, b in found if not _same(name, a, b)), None)


def _same(name: str, ours: Any, recorded: Any) -> bool:
    if isinstance(ours, float):
        tolerance = ENTROPY_TOLERANCE if name.endswith("entropy") else VALUE_TOLERANCE
        return math.isclose(ours, recorded, rel_tol=0, abs_tol=tolerance)
    if isinstance(ours, list) and ours and isinstance(ours[0], float):
        return len(ours) == len(recorded) and all(_same(name, a, b) for a, b in zip(ours, recorded, strict=True))
    return ours == recorded


def main(arguments: Sequence[str]) -> int:
    """Replay each file; the exit status."""
    if not arguments:
        print("usage: python -m dsk.testing.replay FILE.json", file=sys.stderr)
        return 2
    for file in arguments:
        try:
            traces = read_json(file)
            differences = [difference(trace) for trace in traces]
        except (SpecError, KeyError, TypeError) as error:
            print(f"{file}: not a search trace: {error}", file=sys.stderr)
            return 2
        for index, fault in enumerate(differences):
            if fault:
                print(f"{file}: trace {index}: {fault}")
                return 1
        print(f"{file}: {len(traces)} traces reproduced")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
