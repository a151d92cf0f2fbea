"""The redis cache on a real server: the contract, and a server that goes away and comes back."""

from __future__ import annotations

import warnings

import pytest
from redis_server import RedisServer

from dsk.components.caches.redis import UNSAVED_FILE, Redis
from dsk.components.caches.stores.exchange import CacheWarning, read_changes
from dsk.core.errors import CacheError
from dsk.core.roles import Cache
from dsk.testing.cache import OWNER, CacheContract, solution

pytestmark = pytest.mark.full


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    server = RedisServer(folder).start()
    yield server
    server.stop()


class TestRedis(CacheContract):
    @pytest.fixture(scope="class", autouse=True)
    def _server(self, tmp_path_factory):
        type(self).server = RedisServer(tmp_path_factory.mktemp("server")).start()
        yield
        type(self).server.stop()

    def make_cache(self, folder: str) -> Cache:
        return Redis(url=self.server.url, namespace=folder.strip("/"))


def test_an_outage_loses_nothing_and_stops_nothing(server, tmp_path):
    cache = Redis(url=server.url, retry_seconds=0)
    with cache.open(str(tmp_path), *OWNER) as session:
        session.put([solution("before")])
        server.stop()
        with pytest.warns(CacheWarning, match=r"no answer \(outage 1\): .*the run goes on"):
            assert session.put([solution("during"), solution("gone", step=9)]) == 2
        assert session.get("during") == [solution("during")]
        assert session.put([solution("during")]) == 0
        assert session.rollback("run", 5) == 1
        assert (tmp_path / UNSAVED_FILE).exists()
        server.start()
        with pytest.warns(CacheWarning, match="3 changes that waited are saved"):
            assert session.put([solution("after")]) == 1
        assert [entry.problem_id for entry in session.entries()] == ["before", "during", "after"]
        assert not (tmp_path / UNSAVED_FILE).exists()


def test_what_is_unsaved_at_the_end_is_in_a_file_and_the_next_session_saves_it(server, tmp_path):
    cache = Redis(url=server.url)
    with warnings.catch_warnings(record=True) as notices, cache.open(str(tmp_path), *OWNER) as session:
        warnings.simplefilter("always", CacheWarning)
        server.stop()
        session.put([solution("a"), solution("b")])
        session.put([solution("c")])
    assert f"dsk cache import --namespace dsk {server.url} {tmp_path / UNSAVED_FILE}" in str(notices[-1].message)
    changes = list(read_changes(tmp_path / UNSAVED_FILE))
    assert [s.problem_id for change in changes for s in change.solutions] == ["a", "b", "c"]
    server.start()
    saved = pytest.warns(CacheWarning, match="an earlier session could not save are saved")
    with saved, cache.open(str(tmp_path), *OWNER) as session:
        assert session.count() == (3, 3)
    assert not (tmp_path / UNSAVED_FILE).exists()


def test_a_server_that_hangs_is_a_server_that_is_away(server, tmp_path):
    cache = Redis(url=server.url, timeout_seconds=0.1)
    with cache.open(str(tmp_path), *OWNER) as session:
        server.suspend()
        with pytest.warns(CacheWarning, match="the run goes on"):
            assert session.put([solution()]) == 1
        server.resume()
    with warnings.catch_warnings(), cache.open(str(tmp_path), *OWNER) as session:
        warnings.simplefilter("error")
        assert session.get("p") == [solution()]


def test_no_server_at_the_start_is_one_line_without_the_password(tmp_path):
    cache = Redis(url="redis://user:secret@127.0.0.1:1/0")
    with pytest.raises(CacheError, match="no Redis server answers") as caught, cache.open(str(tmp_path), *OWNER):
        pass
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unset_variable_in_the_url_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("DSK_TEST_REDIS", raising=False)
    with pytest.raises(CacheError, match=r"no variable for '\$DSK_TEST_REDIS'"):
        Redis(url="$DSK_TEST_REDIS").identity(str(tmp_path))
