"""The SQLite file behind the `sqlite` cache: its schema, and an open session on it."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dsk.components.caches.stores.identity import check_identity
from dsk.core.errors import CacheError
from dsk.core.types import CachedSolution

FORMAT = 2  # the user_version of a store
APPLICATION_ID = 0x44534B43  # "DSKC": what `file` shows, and how a stranger's database is told apart
SCHEMA = (
    "CREATE TABLE owner(task TEXT NOT NULL, verifier TEXT NOT NULL)",
    "CREATE TABLE solutions(id INTEGER PRIMARY KEY, problem_id TEXT NOT NULL, digest BLOB NOT NULL,"
    " tokens BLOB NOT NULL, text BLOB NOT NULL, tokenizer TEXT NOT NULL, UNIQUE(problem_id, digest))",
    # one row per run that found the solution, so that one run's rollback keeps what another run also found
    "CREATE TABLE sources(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " solution INTEGER NOT NULL REFERENCES solutions(id) ON DELETE CASCADE, run TEXT NOT NULL, round INTEGER NOT NULL,"
    " step INTEGER NOT NULL, policy_version INTEGER NOT NULL, logprobs BLOB NOT NULL, UNIQUE(solution, run))",
    "CREATE INDEX sources_of_run ON sources(run, step)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)
# MIN() makes SQLite take the other columns of a group from the row with the smallest seq
OLDEST = (
    "SELECT s.problem_id, s.tokens, o.logprobs, s.text, o.run, o.round, o.step, o.policy_version, s.tokenizer,"
    " MIN(o.seq) FROM solutions s JOIN sources o ON o.solution = s.id {where} GROUP BY s.id ORDER BY MIN(o.seq)"
)
ADD_SOURCE = (
    "INSERT INTO sources(solution, run, round, step, policy_version, logprobs) VALUES(?, ?, ?, ?, ?, ?)"
    " ON CONFLICT(solution, run) DO UPDATE SET round = excluded.round, step = excluded.step,"
    " policy_version = excluded.policy_version, logprobs = excluded.logprobs WHERE excluded.step < sources.step"
)
RETRY_SECONDS = 0.01


@contextmanager
def store_errors(where: str) -> Iterator[None]:
    """SQLite's own errors as CacheError: what the user can do depends on the disk, not on the statement."""
    try:
        yield
    except sqlite3.OperationalError as error:
        advice = "free space or close what holds it, then --resume; nothing of this write was stored"
        raise CacheError(f"{where}: the cache cannot be used: {error}; {advice}") from error
    except (sqlite3.DatabaseError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise CacheError(f"{where}: not a solution cache, or damaged: {error}; move it away or name another") from error


def connect(file: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection in write-ahead mode. Raises CacheError where the file cannot be one."""
    with store_errors(str(file)):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(f"{file}: cannot make its folder: {error.strerror}; name another cache.path") from error
        connection = sqlite3.connect(file, timeout=busy_seconds, isolation_level=None)
        try:
            _write_ahead(connection, file, busy_seconds)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
    return connection


def _write_ahead(connection: sqlite3.Connection, file: Path, busy_seconds: float) -> None:
    """Switch the file to its write-ahead log; retries, as SQLite's own busy timeout does not cover the switch."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
    if mode != "wal":
        raise CacheError(
            f"{file}: this file system cannot hold a write-ahead log; put cache.path on a local disk, or use redis"
        )


def owner(connection: sqlite3.Connection) -> tuple[str, str] | None:
    """The (task, verifier) of the store, None while it is empty. Raises sqlite3.DatabaseError if it is no cache."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application == APPLICATION_ID:
        if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
            raise sqlite3.DatabaseError("another version of dsk wrote it")
        return connection.execute("SELECT task, verifier FROM owner").fetchone()
    if connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it is a SQLite database of something else")
    return None


class SqliteSession:
    """An open store of one (task, verifier)."""

    def __init__(self, connection: sqlite3.Connection, where: str, task: str, verifier: str) -> None:
        self._connection, self._where = connection, where
        with store_errors(where):
            # a read first: who only opens an existing store must not wait for its writers
            found = owner(connection) or self._create(task, verifier)
        check_identity(where, found, (task, verifier))

    def _create(self, task: str, verifier: str) -> tuple[str, str]:
        """Make the tables, unless another process just did; whose they are."""
        with self._transaction() as connection:
            found = owner(connection)
            if found is None:
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute("INSERT INTO owner VALUES(?, ?)", (task, verifier))
            return found or (task, verifier)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with store_errors(self._where):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def get(self, problem_id: str) -> list[CachedSolution]:
        """The problem's committed solutions, oldest first."""
        with store_errors(self._where):
            rows = self._connection.execute(OLDEST.format(where="WHERE s.problem_id = ?"), (problem_id,))
            return list(map(_solution, rows))

    def put(self, solutions: Sequence[CachedSolution]) -> int:
        """Add solutions in one transaction; how many were new. Raises CacheError, with none of them stored."""
        if not solutions:
            return 0
        with self._transaction() as connection:
            return sum(_add(connection, solution) for solution in solutions)

    def rollback(self, run: str, step: int) -> int:
        """Forget what `run` wrote after `step`; how many went (those that another run also found stay)."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM sources WHERE run = ? AND step > ?", (run, step))
            orphans = "DELETE FROM solutions WHERE id NOT IN (SELECT solution FROM sources)"
            return connection.execute(orphans).rowcount

    def discard(self, solutions: Sequence[CachedSolution]) -> int:
        """Forget solutions, whoever wrote them; how many went."""
        with self._transaction() as connection:
            delete = "DELETE FROM solutions WHERE problem_id = ? AND digest = ?"
            return sum(connection.execute(delete, (s.problem_id, _digest(s.tokens))).rowcount for s in solutions)

    def entries(self) -> Iterator[CachedSolution]:
        """Every committed solution, oldest first."""
        with store_errors(self._where):
            yield from map(_solution, self._connection.execute(OLDEST.format(where="")))

    def count(self) -> tuple[int, int]:
        """(problems with a solution, solutions)."""
        with store_errors(self._where):
            return self._connection.execute("SELECT COUNT(DISTINCT problem_id), COUNT(*) FROM solutions").fetchone()


def _add(connection: sqlite3.Connection, solution: CachedSolution) -> bool:
    key = (solution.problem_id, _digest(solution.tokens))
    tokens, text = _pack("i", solution.tokens), solution.text.encode("utf-8", "surrogatepass")
    insert = (
        "INSERT INTO solutions(problem_id, digest, tokens, text, tokenizer) VALUES(?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING"
    )
    new = connection.execute(insert, (*key, tokens, text, solution.tokenizer)).rowcount == 1
    found = connection.execute("SELECT id FROM solutions WHERE problem_id = ? AND digest = ?", key).fetchone()
    place = (solution.run, solution.round, solution.step, solution.policy_version)
    connection.execute(ADD_SOURCE, (*found, *place, _pack("d", solution.logprobs)))
    return new


def _solution(row: tuple[str, bytes, bytes, bytes, str, int, int, int, str, int]) -> CachedSolution:
    problem_id, tokens, logprobs, text, run, round_, step, version, tokenizer, _ = row
    written, place = text.decode("utf-8", "surrogatepass"), (round_, step, version, tokenizer)
    return CachedSolution(problem_id, _unpack("i", tokens), _unpack("d", logprobs), written, run, *place)


def _digest(tokens: Sequence[int]) -> bytes:
    return hashlib.blake2b(_pack("i", tokens), digest_size=16).digest()


def _pack(code: str, numbers: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(numbers)}{code}", *numbers)


def _unpack(code: str, data: bytes) -> tuple:
    return struct.unpack(f"<{len(data) // struct.calcsize('<' + code)}{code}", data)
