"""events.jsonl read back: what its records have to hold, as far as anything reads it. More may stand beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError
from pydantic_core import from_json

from dsk.core.run.stored import damaged, first_fault, numbered, read_bytes

EVENTS_FILE = "events.jsonl"
Figure = int | float | dict[str, int | float] | None


class Record(BaseModel):
    """Any record."""

    model_config = ConfigDict(strict=True, extra="allow")
    event: str
    seq: NonNegativeInt
    time: float


class Spent(Record):
    """A record with what the run had spent on every axis."""

    sampled_tokens: float
    model_tokens: float
    seconds: float
    updates: float


class Evaluation(Spent):
    """A held-out evaluation."""

    when: str
    pass_at_1: float
    low: float
    high: float
    problems: int
    samples: int
    truncated: float
    device: str
    mean_score: float | None = None


class Step(Spent):
    """A training step; what else there is are figures."""

    step: int
    round: int
    problems: int
    solved: int
    replayed: int
    filtered: int
    group_reward: float
    trained_tokens: int
    peak_memory_bytes: int
    __pydantic_extra__: dict[str, Figure]  # pyright: ignore[reportIncompatibleVariableOverride]


class Groups(Record):
    """What became of each problem of a step: its responses' origin, how many there are, and how many are correct."""

    step: int
    round: int
    problems: list[str]
    origins: list[str]
    correct: list[int]
    responses: list[int]


class Update(Record):
    """A policy update; what else there is are figures."""

    step: int
    applied: int
    unique_tokens: int
    __pydantic_extra__: dict[str, Figure]  # pyright: ignore[reportIncompatibleVariableOverride]


class Round(Record):
    """A finished round."""

    round: int
    hard: int
    cached: int
    unsolved: int
    steps: int
    solved: int
    still_hard: int
    admitted: int
    cached_problems: int


class Screened(Record):
    """A screening."""

    round: int


class Resumed(Record):
    """A resume: records from `from_seq` on no longer count."""

    from_seq: NonNegativeInt


class Notice(Record):
    """Something that the user was told."""

    text: str


KINDS: dict[str, type[Record]] = {
    "evaluation": Evaluation,
    "step": Step,
    "groups": Groups,
    "update": Update,
    "round": Round,
    "screened": Screened,
    "resumed": Resumed,
    "notice": Notice,
}


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Every record of a run, none where it has not begun. Raises DamagedFileError."""
    path = folder / EVENTS_FILE
    if not path.exists():
        return []
    return [parse_record(line, path, number) for number, line in numbered(read_bytes(path))]


def parse_record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """The record on a line (from 1). Raises DamagedFileError."""
    record = checked_record(line, path, number)
    if record["seq"] != number - 1:
        raise damaged(path, f"record {record['seq']} where {number - 1} belongs: lines are missing", line=number)
    return record


def checked_record(line: bytes, path: Path, number: int = 0) -> dict[str, Any]:
    """A record wherever it stands; `number` is for the message. Raises DamagedFileError."""
    try:
        row = from_json(line)
        kind = KINDS.get(Record.model_validate(row).event, Record)
        kind.model_validate(row)
    except ValidationError as error:
        raise damaged(path, first_fault(error), line=number) from error
    except ValueError as error:
        raise damaged(path, f"not JSON ({error})", line=number) from error
    return cast("dict[str, Any]", row)
