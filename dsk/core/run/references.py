"""Can the verifier judge the reference answers at all? Asked of the data before anything is sampled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from dsk.core.errors import DataError, Notice
from dsk.core.spec import RunSpec
from dsk.core.types import Problem

EXAMPLES = 3
_SHOWN = 40
MARKS = (("####", '{"after": "####"}'), ("\\boxed", '{"boxed": true}'))
"""What shows that a reference is a worked solution, and the value of `task.answer_from` that takes the answer out."""


class ReferenceNotice(Notice):
    """Some reference answers cannot be judged, but no more than the spec allows."""


def check_references(spec: RunSpec, split: str, problems: Sequence[Problem]) -> None:
    """Give a notice where the verifier can judge by only some of the references.

    Raises DataError where more than `max_unjudgeable` of them cannot be judged: no answer would ever be right.
    """
    text = unjudgeable(spec, split, problems)
    if text is None:
        return
    if text[1]:
        raise DataError(text[0])
    warnings.warn(text[0], ReferenceNotice, stacklevel=2)


def unjudgeable(spec: RunSpec, split: str, problems: Sequence[Problem]) -> tuple[str, bool] | None:
    """One line on the references that cannot be judged, and whether they are too many; None where there are none.

    Raises DataError for an answer that is not text, and for a column that the verifier needs and problems lack.
    """
    for problem in problems:
        _check_text(spec.task.kind, problem.id, problem.answer)
    _check_columns(spec, split, problems)
    bad = [problem.answer for problem in problems if not spec.verifier.can_judge(problem.answer)]
    if not bad:
        return None
    shown = ", ".join(f"'{_ending(answer)}'" for answer in bad[:EXAMPLES])
    text = (
        f"task: the verifier '{spec.verifier.kind}' cannot judge by {len(bad):,} of {len(problems):,} {split} answers"
    )
    too_many = len(bad) > spec.max_unjudgeable * len(problems)
    if not too_many:
        return f"{text} ({shown}): no response to these problems is ever right", False
    return f"{text} ({shown}), more than max_unjudgeable = {spec.max_unjudgeable:g} allows; {_remedy(spec, bad)}", True


def _check_text(kind: str, name: str, answer: object) -> None:
    """A task of somebody's own may give a number or nothing where text belongs."""
    if not isinstance(answer, str):
        raise DataError(
            f"task '{kind}': problem '{name}' has the answer {answer!r:.40} ({type(answer).__name__}), not text;"
            " a task must give each problem its reference answer as text"
        )


def _check_columns(spec: RunSpec, split: str, problems: Sequence[Problem]) -> None:
    for name in spec.verifier.columns():
        lacking = sum(name not in problem.meta for problem in problems)
        if lacking:
            meta = "task.meta" if "meta" in type(spec.task).model_fields else "Problem.meta"
            raise DataError(
                f"task: the verifier '{spec.verifier.kind}' needs the column '{name}', which {lacking:,} of"
                f" {len(problems):,} {split} problems lack; name it in {meta}"
            )


def _ending(answer: str) -> str:
    """The end of a reference on one line: a worked solution states its answer there."""
    line = " ".join(answer.split())
    return line if len(line) <= _SHOWN else f"...{line[-_SHOWN:]}"


def _remedy(spec: RunSpec, bad: Sequence[str]) -> str:
    if "answer_from" not in type(spec.task).model_fields:
        return "give each problem its answer alone, or name another verifier"
    found = next((value for mark, value in MARKS if sum(mark in answer for answer in bad) * 2 > len(bad)), None)
    if found:
        return f"set task.answer_from to {found}, which takes the answer out of the solution"
    return 'set task.answer_from ({"after": "..."}, {"boxed": true} or {"regex": "..."}), or name another verifier'
