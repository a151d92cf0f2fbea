"""What is bad about the problems of a split, seen before anything is sampled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsk.core.errors import DataError
from dsk.core.run.references import unjudgeable
from dsk.core.spec import RunSpec
from dsk.core.types import Problem

BOX_READERS = ("math", "boxed")
"""Verifiers that look for the answer in a box, and elsewhere only where their `fallbacks` say so."""


@dataclass(frozen=True)
class Bad:
    """Something wrong with `count` rows or problems, with one of them; `stops` where a run would end with it."""

    what: str
    count: int
    stops: bool


@dataclass(frozen=True)
class Rendered:
    """The problems of a split with their prompts and the lengths of these, in tokens."""

    problems: Sequence[Problem]
    prompts: Sequence[str]
    tokens: Sequence[int]


def prompt_faults(spec: RunSpec, split: str, found: Rendered, tokenizer: Any, context: int | None) -> Iterator[Bad]:
    """What is wrong with the problems of a split, as far as prompts, references and lengths show it."""
    yield from _references(spec, split, found)
    yield from _lengths(spec, found, context)
    yield from _plain(tokenizer, found) if spec.prompt.style == "plain" else _chat(spec, found)


def _references(spec: RunSpec, split: str, found: Rendered) -> Iterator[Bad]:
    try:
        told = unjudgeable(spec, split, found.problems)
    except DataError as error:
        yield Bad(str(error), len(found.problems), True)
    else:
        if told:
            yield Bad(told[0], sum(not spec.verifier.can_judge(p.answer) for p in found.problems), told[1])


def _lengths(spec: RunSpec, found: Rendered, context: int | None) -> Iterator[Bad]:
    longest, limit = max(found.tokens, default=0), spec.prompt.max_tokens
    name = next((p.id for p, tokens in zip(found.problems, found.tokens, strict=True) if tokens == longest), "")
    if longest > limit:
        kept = spec.prompt.overlong == "keep_right"
        remedy = "cut on the left" if kept else "raise it, or set prompt.overlong to 'keep_right'"
        over = sum(tokens > limit for tokens in found.tokens)
        yield Bad(f"prompts over prompt.max_tokens = {limit}: '{name}' has {longest} tokens; {remedy}", over, not kept)
    needed = min(longest, limit) + spec.max_response_tokens
    if context is not None and needed > context:
        over = sum(min(tokens, limit) + spec.max_response_tokens > context for tokens in found.tokens)
        told = f"'{name}' and a response need {needed} tokens; lower max_response_tokens"
        yield Bad(f"prompts that leave no room in the model's context of {context}: {told}", over, True)


def shared(found: Rendered, trained: Collection[str]) -> Iterator[Bad]:
    """Test problems that have a training problem's prompt."""
    names = [p.id for p, prompt in zip(found.problems, found.prompts, strict=True) if prompt in trained]
    if names:
        yield Bad(f"test problems that are training problems too, such as '{names[0]}'", len(names), False)


def _plain(tokenizer: Any, found: Rendered) -> Iterator[Bad]:
    if found.problems and tokenizer.chat_template:
        yield Bad("the model has a chat template, and prompt.style 'plain' leaves it out", len(found.problems), False)


def _chat(spec: RunSpec, found: Rendered) -> Iterator[Bad]:
    messages = sum(not isinstance(problem.prompt, str) for problem in found.problems)
    around = next((name for name in ("template", "prefix", "suffix") if spec.prompt.model_dump()[name]), None)
    if messages and around:
        yield Bad(f"prompts are chat messages, to which prompt.{around} is not added", messages, False)
    kind, fields = spec.verifier.kind, spec.verifier.dump()
    silent = sum("boxed" not in text for text in found.prompts)
    if kind in BOX_READERS and not fields.get("fallbacks") and silent:
        read = f"a \\boxed{{}} answer, which is all that the verifier '{kind}' reads"
        other = ', or set verifier.fallbacks to ["phrase"]' if "fallbacks" in fields else ""
        yield Bad(f"prompts do not ask for {read}; ask for it in prompt.suffix{other}", silent, False)
