"""Print docs/models.md's table: the largest gaps between dsk and a model's own forward pass, by architecture.

    python scripts/architecture_gaps.py

Tiny random models (tests/tiny_models.py), float32. The engine: samples, children of samples and scores against one
plain forward of each, the largest difference of a log-probability. Training: `suffix` against `dense` packing, the
largest difference of a log-probability. A model that shares nothing is decoded with its own cache and trained dense.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dsk.components.engines.transformers import Transformers
from dsk.core.model.architecture import bare_model, sharing_obstacle
from dsk.core.training.forward import edge_logprobs, row_values, training_state
from dsk.core.training.packing import DensePacking, Packing, SuffixPacking
from dsk.core.types import SampleRequest
from dsk.testing.engine import LONG_PROMPT, finish, reference_logprobs
from tests.tiny_models import ARCHITECTURES, PLAIN, tiny_policy
from tests.tree_rows import VOCABULARY, random_rows


def engine_gap(family: str) -> float:
    """Largest |difference| in nats."""
    policy = replace(tiny_policy(family), eos_ids=())
    return max(_engine_gaps(policy))


def _engine_gaps(policy: Any) -> Iterator[float]:
    with Transformers(max_rows=16, cache_bytes=8 << 20).open(policy) as session:
        root = SampleRequest("root", tuple(policy.encode(LONG_PROMPT)), n=8, max_tokens=24, seed=7)
        parent = finish(session, root)["root"]
        child = replace(root, id="child", prefix=root.prefix + parent[0].tokens)
        for request, samples in ((root, parent), (child, finish(session, child)["child"])):
            for sample in samples:
                own = reference_logprobs(policy, request.prefix, sample.tokens)
                yield max(abs(a - b) for a, b in zip(sample.logprobs, own, strict=True))
        own = reference_logprobs(policy, root.prefix[:1], root.prefix[1:])
        yield max(abs(a - b) for a, b in zip(session.score(root.prefix), own, strict=True))


@torch.no_grad()
def packing_gap(family: str) -> float:
    """Largest |suffix - dense| in nats over three batches of trees."""
    model = tiny_policy(family, vocab=VOCABULARY).model
    batches = [random_rows(seed) for seed in range(3)]
    pairs = [(_values(model, SuffixPacking(), rows), _values(model, DensePacking(), rows)) for rows in batches]
    return max(float((packed - dense).abs().max()) for packed, dense in pairs)


def _values(model: Any, packing: Packing, rows: Any) -> torch.Tensor:
    layout = packing.lay_out(rows, torch.device("cpu"))
    with training_state(model, layout.attention, checkpointing=False):
        return row_values(edge_logprobs(model, layout)[0], layout)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print("| architecture | path | engine | training |\n|---|---|---|---|")
    for family in ARCHITECTURES | PLAIN:
        model = bare_model(tiny_policy(family).model)
        shared = sharing_obstacle(model) is None
        packed = f"{packing_gap(family):.0e}" if shared else "dense"
        path = "shared prefixes" if shared else "own cache"
        print(f"| {type(model).__name__} | {path} | {engine_gap(family):.0e} | {packed} |")


if __name__ == "__main__":
    main()
