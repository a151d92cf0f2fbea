"""Where verified solutions are kept between steps, rounds and runs."""

from dsk.components.caches.memory import Memory
from dsk.components.caches.redis import Redis
from dsk.components.caches.sqlite import Sqlite
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_caches(register: Register) -> None:
    """The caches that dsk brings."""
    for cache in (Memory, Redis, Sqlite):
        register(cache)
