"""The caches keep the contract, and say what is wrong with a store that they cannot use."""

from __future__ import annotations

import sqlite3

import pytest

from dsk.components.caches.memory import Memory
from dsk.components.caches.sqlite import Sqlite
from dsk.core.errors import CacheError
from dsk.core.roles import Cache
from dsk.testing.cache import OWNER, CacheContract, solution


class TestMemory(CacheContract):
    durable = False

    def make_cache(self, folder: str) -> Cache:
        return Memory()


class TestSqlite(CacheContract):
    def make_cache(self, folder: str) -> Cache:
        return Sqlite()


def test_runs_in_different_folders_share_a_cache_by_path(tmp_path):
    cache = Sqlite(path=str(tmp_path / "deep" / "shared.sqlite"))
    with cache.open(str(tmp_path / "one"), *OWNER) as one, cache.open(str(tmp_path / "two"), *OWNER) as two:
        one.put([solution(run="one")])
        assert two.get("p") == [solution(run="one")]


def test_a_failed_put_stores_nothing_of_its_batch(tmp_path):
    with Sqlite().open(str(tmp_path), *OWNER) as cache:
        with pytest.raises(Exception, match="int"):
            cache.put([solution("p"), solution("q", ("no token",))])  # pyright: ignore[reportArgumentType]
        assert cache.count() == (0, 0)
        assert cache.put([solution("p")]) == 1


def test_a_full_disk_is_one_line_and_keeps_what_was_committed(tmp_path):
    with Sqlite().open(str(tmp_path), *OWNER) as cache:
        cache.put([solution("p")])
        pages = cache._connection.execute("PRAGMA page_count").fetchone()[0]
        cache._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(CacheError, match=r"cache\.sqlite: the cache cannot be used: .*full; free space"):
            cache.put([solution(str(i), range(500)) for i in range(100)])
        assert cache.count() == (1, 1)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\x00" * 4096])
def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "cache.sqlite").write_bytes(content)
    refused = pytest.raises(CacheError, match=r"cache\.sqlite: not a solution cache")
    with refused as caught, Sqlite().open(str(tmp_path), *OWNER):
        pass
    assert "\n" not in str(caught.value)


def test_a_database_of_something_else_is_left_alone(tmp_path):
    other = sqlite3.connect(tmp_path / "cache.sqlite")
    other.execute("CREATE TABLE photos(name TEXT)")
    other.close()
    with pytest.raises(CacheError, match="a SQLite database of something else"), Sqlite().open(str(tmp_path), *OWNER):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    cache = Sqlite(path=str(tmp_path / "file" / "x" / "c.sqlite"))
    with pytest.raises(CacheError, match="cannot make its folder"), cache.open(str(tmp_path), *OWNER):
        pass


def test_opening_and_reading_do_not_wait_for_a_writer(tmp_path):
    with Sqlite().open(str(tmp_path), *OWNER) as cache:
        cache.put([solution()])
        cache._connection.execute("BEGIN IMMEDIATE")
        with Sqlite(busy_seconds=0.001).open(str(tmp_path), *OWNER) as other:
            assert other.get("p") == [solution()]
            with pytest.raises(CacheError, match="database is locked"):
                other.put([solution("q")])
        cache._connection.execute("ROLLBACK")
