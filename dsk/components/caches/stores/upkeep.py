"""Looking after a store from outside a run: where it is, what is in it, what can go."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dsk.components.caches.redis import Redis
from dsk.components.caches.sqlite import Sqlite
from dsk.components.caches.stores.exchange import Put, header, read_changes, read_owner, write_changes
from dsk.components.caches.stores.redis_store import without_password
from dsk.core.errors import CacheError
from dsk.core.loading import load_spec
from dsk.core.roles import Cache, CacheSession
from dsk.core.sampling.verdicts import judge
from dsk.core.types import CachedSolution

REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
IMPORT_BATCH = 256


@dataclass(frozen=True)
class Store:
    """A cache and the run folder to open it for."""

    cache: Cache
    folder: str
    name: str

    def owner(self) -> tuple[str, str]:
        """The (task, verifier) of the store. Raises CacheError where there is none."""
        owner = self.cache.identity(self.folder)
        if owner is None:
            raise CacheError(f"{self.name}: no solution cache there yet; 'dsk cache import' or a run makes one")
        return owner


@dataclass(frozen=True)
class RunShare:
    """What one run gave to a cache; steps and versions are (first, last)."""

    run: str
    problems: int
    solutions: int
    tokens: int
    rounds: tuple[int, int]
    steps: tuple[int, int]
    versions: tuple[int, int]


def find_store(name: str, namespace: str) -> Store:
    """A run's folder, a SQLite file or a Redis address as a Store. Raises CacheError or SpecError."""
    if name.startswith(REDIS_SCHEMES):
        return Store(Redis(url=name, namespace=namespace), ".", without_password(name))
    path = Path(name)
    if (path / "spec.json").is_file():
        return Store(load_spec(path / "spec.json").cache, name, name)
    if path.is_file() or (path.suffix in (".sqlite", ".db") and not path.exists()):
        return Store(Sqlite(path=name), ".", name)
    raise CacheError(f"{name}: no cache there; give a run's folder, a .sqlite file or a redis:// address")


def shares(entries: Iterable[CachedSolution]) -> list[RunShare]:
    """What each run gave, by name."""
    by_run: dict[str, list[tuple[str, int, int, int, int]]] = {}
    for e in entries:
        by_run.setdefault(e.run, []).append((e.problem_id, len(e.tokens), e.round, e.step, e.policy_version))
    return [_share(run, rows) for run, rows in sorted(by_run.items())]


def _share(run: str, rows: list[tuple[str, int, int, int, int]]) -> RunShare:
    problems, tokens, *places = zip(*rows, strict=True)
    rounds, steps, versions = ((min(place), max(place)) for place in places)
    return RunShare(run, len(set(problems)), len(rows), sum(tokens), rounds, steps, versions)


def export_file(entries: Iterable[CachedSolution], owner: tuple[str, str], name: str) -> int:
    """Write solutions to a file, whole or not at all, or to standard output (`-`); how many. Raises CacheError."""
    changes = (Put((entry,)) for entry in entries)
    if name == "-":
        sys.stdout.write(header(owner))
        return write_changes(sys.stdout, changes)
    partial = Path(name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(header(owner))
            written = write_changes(stream, changes)
        partial.replace(name)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CacheError(f"{name}: cannot be written: {error.strerror}") from error
    return written


def import_file(session: CacheSession, path: Path) -> tuple[int, int]:
    """Repeat a file's changes; (solutions in the file, how many were new). Raises CacheError naming a bad line."""
    read = new = 0
    batch: list[CachedSolution] = []
    for change in read_changes(path):
        if isinstance(change, Put):
            batch += change.solutions
            read += len(change.solutions)
        if not isinstance(change, Put) or len(batch) >= IMPORT_BATCH:
            new, batch = new + session.put(batch), []
        if not isinstance(change, Put):
            change.apply(session)
    return read, new + session.put(batch)


def importable(store: Store, files: Iterable[Path]) -> tuple[str, str]:
    """Whose store the files make or join. Raises CacheError where they do not belong together."""
    owner = store.cache.identity(store.folder)
    for path in files:
        theirs = read_owner(path)
        owner = owner or theirs
        if theirs != owner:
            raise CacheError(f"{path}: holds solutions of {theirs}, {store.name} those of {owner}; import it elsewhere")
    if owner is None:
        raise CacheError("nothing to import: name at least one file")
    return owner


@dataclass(frozen=True)
class Prune:
    """Which solutions go: those of a run, those from before a round, those beyond the `keep` newest of a problem."""

    run: str | None = None
    before_round: int = 0
    keep: int = 0

    def chosen(self, entries: Iterable[CachedSolution]) -> list[CachedSolution]:
        """The solutions to discard, oldest first."""
        gone: list[CachedSolution] = []
        kept: dict[str, list[CachedSolution]] = {}
        for entry in entries:
            if entry.run == self.run or entry.round < self.before_round:
                gone.append(entry)
            elif self.keep:
                newest = kept.setdefault(entry.problem_id, [])
                newest.append(entry)
                if len(newest) > self.keep:
                    gone.append(newest.pop(0))
        return gone


def rejected(store: Store, entries: Iterable[CachedSolution]) -> list[CachedSolution]:
    """Solutions that the verifier of the run's spec no longer accepts. Raises CacheError without a run's folder."""
    written = Path(store.folder) / "spec.json"
    if not written.is_file():
        raise CacheError(f"{store.name}: --verify needs the task and verifier of a run; give the run's folder")
    spec = load_spec(written)
    problems = {problem.id: problem for problem in spec.task.problems("train")}
    known = [entry for entry in entries if entry.problem_id in problems]
    with spec.verifier.open() as verifier:
        verdicts = judge(verifier, [(problems[entry.problem_id], entry.text) for entry in known])
    return [entry for entry, verdict in zip(known, verdicts, strict=True) if not verdict.correct]
