"""A model on test problems, from Python: the answers and what they are worth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsk.compare.evaluation import Answered, Scores, answer_all, summarise
from dsk.core.run.ledger import Listener
from dsk.core.sampling.scheduler import Progress
from dsk.core.spec import RunSpec, SamplingSpec
from dsk.core.types import Problem

KS = (1, 4, 8)
"""pass@k and majority@k that are given beside that of all samples."""


@dataclass(frozen=True)
class Evaluated:
    """A model on problems: the scores, and the answers that they are of, a problem each."""

    scores: Scores
    answered: tuple[Answered, ...]
    title: str = ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A problem each: its id, reference answer, pass rate and mean length in tokens; for `pandas.DataFrame`."""
        return [
            {
                "id": found.problem.id,
                "answer": found.problem.answer,
                "rate": found.rate,
                "length": sum(found.lengths) / max(len(found.lengths), 1),
            }
            for found in self.answered
        ]

    def _repr_html_(self) -> str:
        from dsk.compare.shown import scores_html

        return scores_html(self.scores, self.title)


def evaluate(
    spec: RunSpec,
    model: str | os.PathLike[str] | None = None,
    *,
    problems: Sequence[Problem] | int | None = None,
    samples: int = 32,
    sampling: SamplingSpec | None = None,
    ks: Sequence[int] = (),
    listener: Listener | None = None,
) -> Evaluated:
    """Judge a model with the spec's engine, prompt and verifier: pass@1 with its interval, pass@k, majority@k.

    `model` is a run, its folder, a checkpoint, a model folder or a hub id; None is the spec's own model. `problems` are
    those of the spec's task (its test split, or its training split if it has none), only the first so many for a
    number, or the problems given. `sampling` is temperature 0.6 and top_p 0.95 unless given. Raises DataError for no
    problems, ModelError, CheckpointError.
    """
    asked = list(problems) if isinstance(problems, Sequence) else judged_problems(spec)[:problems]

    def progress(found: Progress) -> None:
        if listener is not None:
            listener.progress("evaluate", found)

    place = None if model is None else os.fspath(model)
    chosen = sampling or SamplingSpec(temperature=0.6, top_p=0.95)
    answered = answer_all(spec, place, asked, samples, chosen, progress)
    wanted = tuple(ks) or tuple(sorted({*KS, samples}))
    return Evaluated(summarise(answered, wanted), tuple(answered), place or spec.model.path)


def judged_problems(spec: RunSpec) -> list[Problem]:
    """The task's test problems, or its training problems if it has none."""
    return list(spec.task.problems("test")) or list(spec.task.problems("train"))
