"""What a run would make of its data: prompts as the model gets them, answers as parsed, lengths, and what is bad."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dsk.core.model.files import read_object
from dsk.core.model.prompts import prompt_text
from dsk.core.model.source import locate_model
from dsk.core.model.tokenizers import load_tokenizer
from dsk.core.run.data_faults import Bad, Rendered, prompt_faults, shared
from dsk.core.spec import RunSpec
from dsk.core.types import Problem

PERCENTILES = (0, 50, 90, 99, 100)
_OWN_PARTS = re.compile(r"'[^']*'|\d+")


@dataclass(frozen=True)
class Shown:
    """A problem as the model gets it: the whole prompt, its length in tokens, and the reference answer."""

    id: str
    prompt: str
    tokens: int
    answer: str


@dataclass(frozen=True)
class Lengths:
    """Tokens at `PERCENTILES`, the spec's or the model's limit on them, and how many are over it."""

    what: str
    percentiles: tuple[int, ...]
    limit: int | None
    over: int


@dataclass(frozen=True)
class SplitSurvey:
    """One split: how many problems it has, some of them, lengths, and what is bad."""

    split: str
    problems: int
    shown: tuple[Shown, ...]
    lengths: tuple[Lengths, ...]
    bad: tuple[Bad, ...]


def survey_data(spec: RunSpec, show: int = 5) -> list[SplitSurvey]:
    """Read and render every problem that the run would read. Raises ModelError without a tokenizer that can do it."""
    tokenizer, context = load_tokenizer(spec.model.path), _context(spec.model.path)
    limits: dict[Literal["train", "test"], int] = {"train": spec.screen.problems, "test": spec.evaluate.problems}
    found: list[SplitSurvey] = []
    trained: set[str] = set()
    for split, limit in limits.items():
        problems, rows = _read(spec, split, limit)
        rendered = _render(spec, tokenizer, problems)
        bad = [*rows, *prompt_faults(spec, split, rendered, tokenizer, context), *shared(rendered, trained)]
        lengths = _lengths(spec, tokenizer, rendered, context)
        found.append(SplitSurvey(split, len(problems), _examples(rendered, show), lengths, tuple(bad)))
        trained.update(rendered.prompts)
    return found


def _context(path: str) -> int | None:
    """The model's context in tokens, where its config.json is in a folder here and says so."""
    config = Path(locate_model(path)[0]) / "config.json"
    found = read_object(config).get("max_position_embeddings") if config.is_file() else None
    return found if isinstance(found, int) else None


def _read(spec: RunSpec, split: Literal["train", "test"], limit: int) -> tuple[list[Problem], list[Bad]]:
    """The problems, and the rows that are bad by kind: also those that the spec skips."""
    skips = "on_bad_row" in type(spec.task).model_fields and spec.task.dump()["on_bad_row"] == "skip"
    task = spec.task.model_copy(update={"on_bad_row": "error"}) if skips else spec.task
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        problems, faults = task.survey(split, limit)
    by_kind: dict[str, list[str]] = {}
    for fault in faults:
        by_kind.setdefault(_OWN_PARTS.sub("", fault.partition(": ")[2]), []).append(fault)
    bad = [Bad(f"bad rows: {lines[0]}", len(lines), not skips or not problems) for lines in by_kind.values()]
    if split == "train" and not problems and not faults:
        bad.append(Bad("no training problems; check the task's path and fields", 0, True))
    return problems, [*bad, *(Bad(str(each.message), _leading(str(each.message)), False) for each in told)]


def _leading(text: str) -> int:
    """The count that a notice of the data states."""
    number = re.search(r": (\d+) ", text)
    return int(number[1]) if number else 1


def _render(spec: RunSpec, tokenizer: Any, problems: Sequence[Problem]) -> Rendered:
    prompts = [prompt_text(tokenizer, problem, spec.prompt, spec.model.path) for problem in problems]
    return Rendered(problems, prompts, _counts(tokenizer, prompts))


def _counts(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
    return [len(tokens) for tokens in encoded]


def _examples(found: Rendered, show: int) -> tuple[Shown, ...]:
    """From the shortest prompt to the longest, at equal distances in the order of length."""
    order = sorted(range(len(found.problems)), key=lambda number: found.tokens[number])
    places = np.linspace(0, len(order) - 1, min(show, len(order))).round().astype(int).tolist()
    return tuple(_shown(found, order[at]) for at in places)


def _shown(found: Rendered, number: int) -> Shown:
    problem = found.problems[number]
    return Shown(problem.id, found.prompts[number], found.tokens[number], problem.answer)


def _lengths(spec: RunSpec, tokenizer: Any, found: Rendered, context: int | None) -> tuple[Lengths, ...]:
    if not found.problems:
        return ()
    kept = np.minimum(found.tokens, spec.prompt.max_tokens)
    answers = _counts(tokenizer, [problem.answer for problem in found.problems])
    return (
        _length("prompt", np.array(found.tokens), spec.prompt.max_tokens),
        _length("prompt + longest response", kept + spec.max_response_tokens, context),
        _length("reference answer", np.array(answers), None),
    )


def _length(what: str, tokens: np.ndarray, limit: int | None) -> Lengths:
    values = np.percentile(tokens, PERCENTILES, method="inverted_cdf").astype(int)
    return Lengths(what, tuple(values.tolist()), limit, 0 if limit is None else int((tokens > limit).sum()))
