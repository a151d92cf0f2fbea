"""What a spec allows but may not mean: one line each, shown before the run and kept in its records.

They are notices and not errors, because each is somebody's deliberate setting: a study's arms share one base, and a
shallow tree is a way to spend less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsk.core.spec import RunSpec, SearchSpec

DIRECT_USES = ("trajectories",)
"""The fields of `search` that mode `direct` reads."""
ROOM = 2
"""How many times the response limit full steps should reach where a boundary ends steps early."""


def doubts(spec: RunSpec) -> list[str]:
    """One line for each setting that cannot do what it seems to say."""
    return [*_shallow_trees(spec), *_ignored(spec), *_lone_requests(spec)]


def _shallow_trees(spec: RunSpec) -> Iterator[str]:
    if spec.mode == "direct":
        return
    search, limit = spec.search, spec.max_response_tokens
    reach = search.max_depth * search.step_tokens
    if reach < limit:
        yield (
            f"search: a tree's answers end at max_depth x step_tokens = {search.max_depth} x {search.step_tokens} ="
            f" {reach} tokens, below max_response_tokens = {limit}: longer ones are cut off and judged wrong; raise"
            f" search.max_depth to {-(-limit // search.step_tokens)}, or lower max_response_tokens to {reach}"
        )
    elif not search.boundary.whole_steps and reach < ROOM * limit:
        yield (
            f"search.boundary: '{search.boundary.kind}' ends steps early, so search.max_depth = {search.max_depth}"
            f" steps reach max_response_tokens = {limit} only where they average {limit / search.max_depth:.0f} of"
            f" {search.step_tokens} tokens; an answer of more steps is cut off and judged wrong: raise search.max_depth"
            " to the steps of a long answer"
        )


def too_many_steps(spec: RunSpec, answers: Sequence[str]) -> str | None:
    """What to say where most finished answers have more steps than a tree is deep; None elsewhere.

    Known only from answers, those of the first screening: at least one step for each text that ends one.
    """
    texts, most = spec.search.boundary.stop_strings, spec.search.max_depth
    steps = sorted(1 + sum(answer.rstrip().count(text) for text in texts) for answer in answers)
    deep = sum(count > most for count in steps)
    if spec.mode == "direct" or 2 * deep <= len(steps):
        return None
    return (
        f"search.max_depth: {deep} of {len(steps)} finished answers of the screening have more than"
        f" {most} steps under boundary '{spec.search.boundary.kind}', and would be cut off in a tree and judged wrong;"
        f" raise it to {steps[len(steps) * 95 // 100]}, which 95% of them fit"
    )


def _ignored(spec: RunSpec) -> Iterator[str]:
    if spec.mode == "search":
        return
    default = SearchSpec()
    names = [name for name in SearchSpec.model_fields if name not in DIRECT_USES]
    found = [f"search.{name}" for name in names if getattr(spec.search, name) != getattr(default, name)]
    if found:
        yield (
            f"mode: 'direct' samples whole responses and ignores {', '.join(found)}; leave them out, or set mode to"
            " 'search'"
        )


def _lone_requests(spec: RunSpec) -> Iterator[str]:
    needed, name = max(_requests(spec))
    if needed > spec.tokens_in_flight:
        yield (
            f"tokens_in_flight: {spec.tokens_in_flight} is less than one request may hold ({needed} tokens: a prompt of"
            f" prompt.max_tokens and {name}); such requests run one at a time, beyond the bound; raise it to {needed}"
        )


def _requests(spec: RunSpec) -> Iterator[tuple[int, str]]:
    """Most tokens of each kind of request, as the scheduler counts them, with what they are made of."""
    prompt, response, search = spec.prompt.max_tokens, spec.max_response_tokens, spec.search
    yield prompt + spec.screen.samples * response, "screen.samples x max_response_tokens"
    yield prompt + spec.evaluate.samples * response, "evaluate.samples x max_response_tokens"
    if spec.mode == "direct":
        yield prompt + search.trajectories * response, "search.trajectories x max_response_tokens"
    else:
        step = min(search.step_tokens, response)
        path = min((search.max_depth - 1) * search.step_tokens, response - 1)
        yield prompt + path + search.width * step, "a path of a tree with search.width x search.step_tokens"
