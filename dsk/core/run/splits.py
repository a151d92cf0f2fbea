"""A run's training and held-out problems with their prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from dsk.core.errors import DataError
from dsk.core.model.policy import Policy, check_context
from dsk.core.run.references import check_references
from dsk.core.spec import RunSpec
from dsk.core.training.packing.tree_batch import TreeBatch
from dsk.core.types import Problem

SHOWN = 3


@dataclass(frozen=True)
class Split:
    """A split's problems and their prompts, by id; ids are unique within a split only."""

    problems: Mapping[str, Problem]
    prompts: Mapping[str, tuple[int, ...]]


def read_problems(spec: RunSpec) -> tuple[list[Problem], list[Problem]]:
    """The training problems to screen and the test problems to judge on; no more are read.

    Raises DataError where there is nothing to train on, or answers that the verifier cannot judge by.
    """
    train = list(islice(spec.task.problems("train"), spec.screen.problems or None))
    if not train:
        raise DataError("task: no training problems; check its path and fields")
    test = list(islice(spec.task.problems("test"), spec.evaluate.problems or None))
    check_references(spec, "train", train)
    check_references(spec, "test", test)
    return train, test


def encode_split(problems: Sequence[Problem], policy: Policy, spec: RunSpec) -> Split:
    """Encode every prompt once, so that one too long is refused before anything runs."""
    prompts = {p.id: policy.prompt_tokens(p, spec.prompt) for p in problems}
    check_context(max(map(len, prompts.values()), default=0), spec.max_response_tokens, policy.max_length)
    return Split({p.id: p for p in problems}, prompts)


def shared_problems(train: Split, held_out: Split) -> str | None:
    """What to say of a test set that is not held out; None where it is."""
    trained = set(train.prompts.values())
    shared = [name for name, prompt in held_out.prompts.items() if prompt in trained]
    if not shared:
        return None
    return (
        f"task: {len(shared)} of {len(held_out.prompts)} test problems are training problems too (the same prompt),"
        f" such as {', '.join(map(repr, shared[:SHOWN]))}; figures on them are not held out"
    )


def distinct_tokens(prompts: Sequence[tuple[int, ...]]) -> int:
    """Tokens that are left when prompts share their beginnings: what an ideal cache encodes."""
    return TreeBatch.build(prompts).size if prompts else 0
