"""How far a sample depends on what else the engine holds: the same requests alone, in company, and with a warm cache.

    python benchmarks/batch_dependence.py [--models bundled tiny] [--requests N] [--json FILE]

Every request is a problem of the arithmetic task, one sample of at most 64 tokens. Against each request in a session of
its own stand the same requests among 7 and among 63 others, and in a session that has encoded the first half of their
prompt before. Reported: the share of samples with any other token, and the largest difference of a token's
log-probability up to the first other token.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from policies import SHAPES, SOURCES, make_policy  # noqa: E402
from side_by_side import Figure, figure, show, write  # noqa: E402

from dsk.components.engines.transformers import Transformers  # noqa: E402
from dsk.components.tasks.arithmetic import Arithmetic  # noqa: E402
from dsk.core.model.policy import load_policy  # noqa: E402
from dsk.core.spec import ModelSpec  # noqa: E402
from dsk.core.types import Sample, SampleRequest  # noqa: E402

ENGINE = Transformers.model_validate({"cache_bytes": 1 << 28})
Samples = dict[str, Sample]


def requests_of(policy: Any, count: int) -> list[SampleRequest]:
    """Problems of 4 to 12 operations, in tokens that every vocabulary here has."""
    words = load_policy(ModelSpec(path="bundled:tiny-reasoner"))
    problems = Arithmetic.model_validate({"train_problems": count}).problems("train")
    prompts = [tuple(words.encode(str(problem.prompt))) for problem in problems]
    return [SampleRequest(str(i), prompt, 1, 64, seed=i) for i, prompt in enumerate(prompts)]


def answers(policy: Any, requests: Sequence[SampleRequest], before: Sequence[SampleRequest] = ()) -> Samples:
    """The samples of `requests`, decoded together after `before`."""
    found: Samples = {}
    with ENGINE.open_once(policy) as session:
        for part in (before, requests):
            for request in part:
                session.submit(request)
            while done := session.poll():
                found |= {completion.request_id: completion.samples[0] for completion in done}
    return {request.id: found[request.id] for request in requests}


def in_groups(policy: Any, requests: Sequence[SampleRequest], size: int) -> Samples:
    """The samples of `requests`, `size` of them at a time."""
    parts = (requests[i : i + size] for i in range(0, len(requests), size))
    return {name: sample for part in parts for name, sample in answers(policy, part).items()}


def half_encoded(policy: Any, requests: Sequence[SampleRequest]) -> Samples:
    """The samples of `requests` one by one, where the cache holds half of the prompt."""
    found: Samples = {}
    for request in requests:
        half = replace(request, id="half", prefix=request.prefix[: len(request.prefix) // 2], max_tokens=1)
        found |= answers(policy, [request], [half])
    return found


def compare(name: str, alone: Samples, other: Samples) -> list[Figure]:
    """How the samples of one condition differ from those drawn alone."""
    changed = [alone[key].tokens != other[key].tokens for key in alone]
    gap = max(gap_of(alone[key], other[key]) for key in alone)
    return [
        figure(f"{name}: samples with another token", 100 * sum(changed) / len(changed), "%"),
        figure(f"{name}: largest log-probability gap", gap, "nats"),
    ]


def gap_of(one: Sample, other: Sample) -> float:
    """The largest difference while both have drawn the same tokens; what differs may still be the likelihood."""
    pairs = list(zip(one.tokens, other.tokens, strict=False))
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), len(pairs))
    gaps = [abs(a - b) for a, b in zip(one.logprobs[:same], other.logprobs[:same], strict=True)]
    return max(gaps, default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", choices=[*SHAPES, *SOURCES], default=["bundled", "tiny"])
    parser.add_argument("--dtypes", nargs="*", choices=("float32", "bfloat16"), default=["float32", "bfloat16"])
    parser.add_argument("--requests", type=int, default=128)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures: list[Figure] = []
    for model, dtype in ((model, dtype) for model in args.models for dtype in args.dtypes):
        policy = make_policy(model, dtype)
        requests = requests_of(policy, args.requests)
        alone = in_groups(policy, requests, 1)
        others = {f"among {n - 1} others": in_groups(policy, requests, n) for n in (8, 64)}
        for what, found in (others | {"prompt half cached": half_encoded(policy, requests)}).items():
            rows = compare(f"{model}, {dtype}, {what}", alone, found)
            show(rows)
            figures += rows
    write(args.json, figures, requests=args.requests)


if __name__ == "__main__":
    main()
