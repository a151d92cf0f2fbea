"""Picking one problem of a task."""

from __future__ import annotations

from dsk.core.component import did_you_mean
from dsk.core.errors import DataError
from dsk.core.roles import Task
from dsk.core.types import Problem


def pick_problem(task: Task, problem_id: str | None) -> Problem:
    """The training problem with this id, or the first one. Raises DataError naming a near id."""
    seen: list[str] = []
    for problem in task.problems("train"):
        if problem_id in (None, problem.id):
            return problem
        seen.append(problem.id)
    raise DataError(f"task: no problem '{problem_id}' among {len(seen)}{did_you_mean(problem_id, seen)}")
