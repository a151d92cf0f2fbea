"""The keys behind the `redis` cache. All changes are Lua scripts, so each is atomic; all keys share one cluster slot.

`{NS}:owner` task and verifier; `{NS}:seq` puts so far; `{NS}:p:PROBLEM` a hash of `DIGEST:RUN` -> `seq step solution`;
`{NS}:solutions` `DIGEST:PROBLEM` -> number of runs that found it; `{NS}:problems` problem -> number of solutions;
`{NS}:run:RUN` a sorted set of `DIGEST:PROBLEM` by step.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

from dsk.components.caches.stores.exchange import from_json, to_json
from dsk.components.caches.stores.identity import check_identity
from dsk.core.errors import CacheError
from dsk.core.types import CachedSolution

DIGEST_LENGTH = 32
DROP = """
local ns = ARGV[1]
local function drop(problem, digest, run)
  local member = digest .. ':' .. problem
  redis.call('HDEL', ns .. ':p:' .. problem, digest .. ':' .. run)
  redis.call('ZREM', ns .. ':run:' .. run, member)
  if redis.call('HINCRBY', ns .. ':solutions', member, -1) > 0 then return 0 end
  redis.call('HDEL', ns .. ':solutions', member)
  if redis.call('HINCRBY', ns .. ':problems', problem, -1) == 0 then
    redis.call('HDEL', ns .. ':problems', problem)
  end
  return 1
end
"""
PUT = """
local ns, new = ARGV[1], 0
for i = 2, #ARGV, 5 do
  local problem, digest, run, step, body = ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4]
  local key, name, member = ns .. ':p:' .. problem, digest .. ':' .. run, digest .. ':' .. problem
  local old, seq = redis.call('HGET', key, name), nil
  if old then
    local place, before = string.match(old, '^(%d+) (-?%d+) ')
    if tonumber(step) < tonumber(before) then seq = place end
  else
    if redis.call('HINCRBY', ns .. ':solutions', member, 1) == 1 then
      new = new + 1
      redis.call('HINCRBY', ns .. ':problems', problem, 1)
    end
    seq = tostring(redis.call('INCR', ns .. ':seq'))
  end
  if seq then
    redis.call('HSET', key, name, seq .. ' ' .. step .. ' ' .. body)
    redis.call('ZADD', ns .. ':run:' .. run, step, member)
  end
end
return new
"""
ROLLBACK = (
    DROP
    + """
local gone = 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', ns .. ':run:' .. ARGV[2], '(' .. ARGV[3], '+inf')) do
  gone = gone + drop(string.sub(member, 34), string.sub(member, 1, 32), ARGV[2])
end
return gone
"""
)
DISCARD = (
    DROP
    + """
local gone = 0
for i = 2, #ARGV, 2 do
  for _, name in ipairs(redis.call('HKEYS', ns .. ':p:' .. ARGV[i])) do
    if string.sub(name, 1, 32) == ARGV[i+1] then gone = gone + drop(ARGV[i], ARGV[i+1], string.sub(name, 34)) end
  end
end
return gone
"""
)
CLAIM = """
redis.call('HSETNX', ARGV[1] .. ':owner', 'task', ARGV[2])
redis.call('HSETNX', ARGV[1] .. ':owner', 'verifier', ARGV[3])
return redis.call('HMGET', ARGV[1] .. ':owner', 'task', 'verifier')
"""


def connect(url: str, namespace: str, timeout_seconds: float) -> RedisStore:
    """A store on the server at `url`, not yet contacted. Raises CacheError: no client, or a bad URL."""
    try:
        import redis  # pyright: ignore[reportMissingImports]
        from redis.backoff import NoBackoff  # pyright: ignore[reportMissingImports]
        from redis.retry import Retry  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise CacheError("cache.kind: 'redis' needs its client; pip install 'deepsearch-kit[redis]'") from None
    timeouts = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
    try:
        client = redis.Redis.from_url(url, decode_responses=False, retry=Retry(NoBackoff(), 1), **timeouts)
    except ValueError as error:
        raise CacheError(f"cache.url: '{without_password(url)}' is not a Redis address: {error}") from None
    away = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, redis.OutOfMemoryError)
    return RedisStore(client, namespace, without_password(url), away)


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class RedisStore:
    """A namespace on a server. Every method may raise one of `away`: the server cannot be reached or refuses writes."""

    def __init__(self, client: Any, namespace: str, where: str, away: tuple[type[Exception], ...]) -> None:
        self._client, self._ns, self.where, self.away = client, f"{{{namespace}}}", f"{where} ({namespace})", away
        self.import_command = f"dsk cache import --namespace {namespace} {where}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def claim(self, owner: tuple[str, str]) -> None:
        """Make a new namespace `owner`'s. Raises CacheError where it is another's."""
        task, verifier = self._run(CLAIM, *owner)
        check_identity(self.where, (task.decode(), verifier.decode()), owner)

    def owner(self) -> tuple[str, str] | None:
        """Whose the namespace is. Raises CacheError without a server: only commands ask this."""
        try:
            task, verifier = self._client.hmget(f"{self._ns}:owner", "task", "verifier")
        except self.away as error:
            raise unreachable(self.where, error) from None
        return (task.decode(), verifier.decode()) if task is not None else None

    def get(self, problem_id: str) -> list[CachedSolution]:
        """The problem's solutions, oldest first."""
        return [_parse(value) for _, _, value in sorted(self._oldest(problem_id))]

    def put(self, solutions: Sequence[CachedSolution]) -> int:
        """Add solutions atomically; how many were new."""
        rows = [(s.problem_id, _digest(s), s.run, s.step, json.dumps(to_json(s))) for s in solutions]
        return int(self._run(PUT, *(value for row in rows for value in row)))

    def rollback(self, run: str, step: int) -> int:
        """Forget what `run` wrote after `step`; how many went."""
        return int(self._run(ROLLBACK, run, step))

    def discard(self, solutions: Sequence[CachedSolution]) -> int:
        """Forget solutions, whoever wrote them; how many went."""
        return int(self._run(DISCARD, *(value for s in solutions for value in (s.problem_id, _digest(s)))))

    def entries(self) -> Iterator[CachedSolution]:
        """Every solution, oldest first; only their order is held in memory."""
        problems = [name.decode() for name in self._client.hkeys(f"{self._ns}:problems")]
        places = ((seq, problem, name) for problem in problems for seq, name, _ in self._oldest(problem))
        for _, problem, name in sorted(places):
            value = self._client.hget(f"{self._ns}:p:{problem}", name)
            if value is not None:
                yield _parse(value)

    def count(self) -> tuple[int, int]:
        """(problems with a solution, solutions)."""
        return self._client.hlen(f"{self._ns}:problems"), self._client.hlen(f"{self._ns}:solutions")

    def _run(self, script: str, *arguments: str | int) -> Any:
        return self._client.eval(script, 0, self._ns, *arguments)

    def _oldest(self, problem_id: str) -> list[tuple[int, bytes, bytes]]:
        """(seq, field, value) of the oldest source of each of the problem's solutions."""
        oldest: dict[bytes, tuple[int, bytes, bytes]] = {}
        for name, value in self._client.hgetall(f"{self._ns}:p:{problem_id}").items():
            place = (int(value.split(b" ", 1)[0]), name, value)
            digest = name[:DIGEST_LENGTH]
            oldest[digest] = min(oldest.get(digest, place), place)
        return list(oldest.values())


def unreachable(where: str, error: Exception) -> CacheError:
    """No server when one is needed to begin with."""
    return CacheError(f"{where}: no Redis server answers: {error}; start it, or correct cache.url")


def _parse(value: bytes) -> CachedSolution:
    return from_json(json.loads(value.split(b" ", 2)[2]))


def _digest(solution: CachedSolution) -> str:
    packed = struct.pack(f"<{len(solution.tokens)}i", *solution.tokens)
    return hashlib.blake2b(packed, digest_size=DIGEST_LENGTH // 2).hexdigest()
