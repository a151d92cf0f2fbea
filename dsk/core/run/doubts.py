"""What a spec allows but may not mean: one line each, shown before the run and kept in its records.

They are notices and not errors, because each is somebody's deliberate setting: a study's arms share one base, and a
shallow tree is a way to spend less.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsk.core.roles import Rollout
from dsk.core.spec import RunSpec


def doubts(spec: RunSpec) -> list[str]:
    """One line for each setting that cannot do what it seems to say."""
    return [*_rollouts(spec), *_out_of_reach(spec), *_unused(spec), *_lone_requests(spec), *_unused_scores(spec)]


def _rollouts(spec: RunSpec) -> Iterator[str]:
    for place, rollout in _places(spec):
        yield from (place + line for line in rollout.doubts(spec.max_response_tokens))


def _unused_scores(spec: RunSpec) -> Iterator[str]:
    if spec.verifier.graded and spec.rewards.scale == "binary":
        yield (
            f"rewards.scale: 'binary' trains +1 for what the verifier '{spec.verifier.kind}' calls correct and -1 for"
            " the rest, whatever the scores; set it to 'graded' to train on them"
        )


def _places(spec: RunSpec) -> Iterator[tuple[str, Rollout]]:
    yield "rollout", spec.rollout
    if spec.replay is not None:
        yield "replay", spec.replay


def _out_of_reach(spec: RunSpec) -> Iterator[str]:
    if spec.rollout.uses_solutions and not spec.rollout.uses_failures and spec.replay is not None:
        yield (
            f"rollout: '{spec.rollout.kind}' starts from cached solutions, and problems that have some go to `replay`"
            f" ('{spec.replay.kind}'): it always falls back; name it in `replay`, or set replay to null"
        )


def _unused(spec: RunSpec) -> Iterator[str]:
    rollout, allocated = spec.rollout, spec.train.allocate != "equal"
    if spec.screen.reuse and not rollout.reuses:
        yield f"screen.reuse: rollout '{rollout.kind}' does not use it; it acts with 'direct' and 'adaptive'"
    if allocated and not rollout.allocates:
        yield f"train.allocate: rollout '{rollout.kind}' does not use it; it acts with 'direct'"
    if spec.scorer.head is not None and all(r.values == "none" for _, r in _places(spec)):
        yield f"scorer: '{spec.scorer.kind}' learns from trees, and rollout '{rollout.kind}' makes whole responses"
    if spec.replay_age is not None and not any(r.uses_solutions for _, r in _places(spec)):
        yield "replay_age: no rollout starts from cached solutions; it acts with 'cached' and 'prefix'"
    if spec.keep == "trees" and not any(r.keeps_trees for _, r in _places(spec)):
        yield f"keep: rollout '{rollout.kind}' makes whole responses, of which no tree is kept"


def _lone_requests(spec: RunSpec) -> Iterator[str]:
    needed, name = max(_requests(spec))
    if needed > spec.tokens_in_flight:
        yield (
            f"tokens_in_flight: {spec.tokens_in_flight} is less than one request may hold ({needed} tokens: a prompt of"
            f" prompt.max_tokens and {name}); such requests run one at a time, beyond the bound; raise it to {needed}"
        )


def _requests(spec: RunSpec) -> Iterator[tuple[int, str]]:
    """Most tokens of each kind of request, as the scheduler counts them, with what they are made of."""
    prompt, response = spec.prompt.max_tokens, spec.max_response_tokens
    yield prompt + spec.screen.samples * response, "screen.samples x max_response_tokens"
    yield prompt + spec.evaluate.samples * response, "evaluate.samples x max_response_tokens"
    for place, rollout in _places(spec):
        tokens, fields = rollout.largest_request(response)
        yield prompt + tokens, f"{place}: {fields}"
