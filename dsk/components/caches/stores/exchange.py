"""Solutions as JSON Lines: what `dsk cache export` writes, `import` reads, and an outage leaves behind.

The first line names the owner, each further one is one change: a solution to add, or a rollback or discard to repeat.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from dsk.core.errors import CacheError, Notice
from dsk.core.roles import CacheSession
from dsk.core.types import CachedSolution

FORMAT = 1


class CacheWarning(Notice):
    """Something about the cache that the user should know while the run goes on."""


@dataclass(frozen=True)
class Put:
    """Solutions to add in one transaction."""

    solutions: tuple[CachedSolution, ...]

    def apply(self, session: CacheSession) -> int:
        """Do it; how many were new."""
        return session.put(self.solutions)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The change as JSON data."""
        return map(to_json, self.solutions)


@dataclass(frozen=True)
class Rollback:
    """Forget what `run` wrote after `step`."""

    run: str
    step: int

    def apply(self, session: CacheSession) -> int:
        """Do it; how many went, as a negative number."""
        return -session.rollback(self.run, self.step)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The change as JSON data."""
        yield {"rollback": asdict(self)}


@dataclass(frozen=True)
class Discard:
    """Forget solutions."""

    solutions: tuple[CachedSolution, ...]

    def apply(self, session: CacheSession) -> int:
        """Do it; how many went, as a negative number."""
        return -session.discard(self.solutions)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The change as JSON data."""
        return ({"discard": to_json(solution)} for solution in self.solutions)


Change = Put | Rollback | Discard


def to_json(solution: CachedSolution) -> dict[str, Any]:
    """A solution as JSON data."""
    return {**asdict(solution), "tokens": list(solution.tokens), "logprobs": list(solution.logprobs)}


def from_json(data: Mapping[str, Any]) -> CachedSolution:
    """The solution that `to_json` wrote. Raises TypeError, KeyError or ValueError on anything else."""
    tokens, logprobs = tuple(map(int, data["tokens"])), tuple(map(float, data["logprobs"]))
    words = {name: data[name] for name in ("problem_id", "text", "run", "tokenizer")}
    if not all(isinstance(word, str) for word in words.values()):
        raise TypeError("problem_id, text, run and tokenizer are text")
    round_, step, version = (int(data[name]) for name in ("round", "step", "policy_version"))
    return CachedSolution(tokens=tokens, logprobs=logprobs, round=round_, step=step, policy_version=version, **words)


def header(owner: tuple[str, str]) -> str:
    """The first line: the (task, verifier) that the solutions belong to."""
    return json.dumps({"dsk_cache": FORMAT, "task": owner[0], "verifier": owner[1]}) + "\n"


def write_changes(stream: TextIO, changes: Iterable[Change]) -> int:
    """Append changes, one line each; how many lines."""
    written = 0
    for change in changes:
        for line in change.lines():
            stream.write(json.dumps(line) + "\n")
            written += 1
    return written


def read_owner(path: Path) -> tuple[str, str]:
    """Whose solutions a file holds. Raises CacheError where it is no such file."""
    try:
        with path.open(encoding="utf-8") as stream:
            data = json.loads(stream.readline() or "null")
        if data["dsk_cache"] == FORMAT:
            return data["task"], data["verifier"]
    except OSError as error:
        raise CacheError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        pass  # not our file: the same message as for an unknown format
    raise CacheError(f"{path}:1: not an exported solution cache; 'dsk cache export' writes one")


def read_changes(path: Path) -> Iterator[Change]:
    """The file's changes in order. Raises CacheError naming the line; a last line cut short by a crash is left out."""
    with path.open("rb") as stream:
        next(stream, None)
        for number, line in enumerate(stream, start=2):
            try:
                yield _change(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                if line.endswith(b"\n"):
                    raise CacheError(f"{path}:{number}: not a cache entry: {type(error).__name__}: {error}") from None
                warnings.warn(
                    f"{path}:{number}: the last line was cut short and is left out", CacheWarning, stacklevel=2
                )


def _change(data: Mapping[str, Any]) -> Change:
    if "rollback" in data:
        return Rollback(data["rollback"]["run"], int(data["rollback"]["step"]))
    if "discard" in data:
        return Discard((from_json(data["discard"]),))
    return Put((from_json(data),))
