"""What is served of a watched folder: the list, a run's page, its texts and trees, and several runs' curves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from dsk.core.errors import DataError, DskError
from dsk.core.model.tokenizers import Texts
from dsk.core.run.events import EVENTS_FILE
from dsk.core.run.following import FollowedRecords
from dsk.report.page import report_figures, report_texts, run_texts
from dsk.report.remembered import stamp
from dsk.report.series import evaluation_columns, step_columns
from dsk.watch.places import Place, find_places
from dsk.watch.rows import Row, live_status
from dsk.web.page import json_text

FILES = ("spec.json", "summary.json", "versions.json", EVENTS_FILE)
MOST_LAID_OVER = 12
"""Runs whose curves are drawn together."""
OPENED = 16
"""Runs whose records are kept in memory; of more, those looked at last."""


@dataclass(frozen=True)
class Answer:
    """JSON, and a tag that is another for another text."""

    body: bytes
    tag: str


def answer(body: bytes) -> Answer:
    """With its tag."""
    return Answer(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


def encoded(data: Mapping[str, Any]) -> bytes:
    """As JSON; half a character (a lone surrogate) is a question mark."""
    return json_text(data).encode("utf-8", "replace")


class OpenedRun:
    """A run that somebody looks at: its records are followed, and what was made of them stands until they change."""

    def __init__(self, key: str, name: str, folder: Path) -> None:
        self.folder = folder
        self._named = {"run": key, "name": name}
        self._records = FollowedRecords(folder)
        self._made: dict[str, tuple[Any, Answer]] = {}
        self._texts: tuple[Any, Texts] | None = None
        self._reading = Lock()
        self._making = {part: Lock() for part in ("figures", "texts", "curves")}

    def figures(self) -> Answer:
        """The report but for what is made of tokens, with the status that a watcher gives."""
        status, reason = live_status(self.folder)
        seen = (status, reason, *map(stamp, (*(self.folder / name for name in FILES), *self._folders())))
        told = {"status": status, "reason": reason, "name": self._named["name"], "examples": [], "trees": None}
        return self._once("figures", seen, lambda: report_figures(self.folder, self._read()) | told)

    def texts(self) -> Answer:
        """Examples and the newest kept trees."""
        seen = (stamp(self.folder / "trees"), stamp(self.folder / "final"))
        return self._once("texts", seen, lambda: report_texts(self.folder, self._read(), self._tokenizer))

    def curves(self) -> Answer:
        """Evaluations and steps as columns."""
        return self._once("curves", stamp(self.folder / EVENTS_FILE), self._columns)

    def _columns(self) -> dict[str, Any]:
        records = self._read()
        return self._named | {"evaluations": evaluation_columns(records), "steps": asdict(step_columns(records))}

    def _read(self) -> list[dict[str, Any]]:
        with self._reading:
            return self._records.read()

    def _once(self, part: str, seen: Any, make: Callable[[], dict[str, Any]]) -> Answer:
        with self._making[part]:
            if part not in self._made or self._made[part][0] != seen:
                self._made[part] = (seen, answer(encoded(make())))
            return self._made[part][1]

    def _folders(self) -> list[Path]:
        """Folders in which new files appear."""
        rounds = self.folder / "rounds"
        return [self.folder / "trees", rounds, *sorted(path for path in rounds.glob("[0-9]*"))]

    def _tokenizer(self) -> Texts:
        saved = stamp(self.folder / "final")
        if self._texts is None or self._texts[0] != saved:
            self._texts = (saved, run_texts(self.folder))
        return self._texts[1]


class Watched:
    """The watched folder. Methods may be called from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rows: dict[tuple[str, Path], Row] = {}
        self._lock = Lock()
        self._opened = lru_cache(maxsize=OPENED)(OpenedRun)

    def runs(self) -> Answer:
        """The list: a row for every run, and one for everything that is there and not read."""
        with self._lock:
            places, more = find_places(self.root)
            rows = [self._row(place) for place in places]
        return answer(encoded({"folder": str(self.root), "runs": rows, "more": more}))

    def report(self, key: str) -> Answer:
        """A run's page. Raises DataError where the folder has no such run, or it is not read."""
        return self._run(key).figures()

    def texts(self, key: str) -> Answer:
        """A run's examples and newest trees. Raises DataError."""
        return self._run(key).texts()

    def curves(self, keys: Sequence[str]) -> Answer:
        """The curves of several runs; of one that cannot be read, why. Raises DataError for too many."""
        if len(keys) > MOST_LAID_OVER:
            raise DataError(f"{len(keys)} runs to lay over each other: choose at most {MOST_LAID_OVER}")
        return answer(b'{"runs":[' + b",".join(map(self._curves, dict.fromkeys(keys))) + b"]}")

    def _curves(self, key: str) -> bytes:
        try:
            return self._run(key).curves().body
        except (DskError, OSError) as error:
            return encoded({"run": key, "name": key, "fault": str(error)})

    def _row(self, place: Place) -> dict[str, Any]:
        return self._rows.setdefault((place.key, place.folder), Row(place)).data(place)

    def _run(self, key: str) -> OpenedRun:
        found = next((place for place in find_places(self.root)[0] if place.key == key), None)
        if found is None:
            raise DataError("this folder holds no such run (yet)")
        if found.fault:
            raise DataError(f"{found.name}: {found.fault}")
        return self._opened(found.key, found.name, found.folder)
