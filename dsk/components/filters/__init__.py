"""Filters: which negatives are too garbled to learn from."""

from __future__ import annotations

from dsk.components.filters.garbled import GarbledFilter
from dsk.components.filters.none import NoFilter
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_filters(register: Register) -> None:
    """Register the built-in filters."""
    register(GarbledFilter)
    register(NoFilter)
