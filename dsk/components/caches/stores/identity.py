"""Whose solutions a store holds: one message for every cache that finds another owner."""

from __future__ import annotations

from dsk.core.errors import CacheError


def check_identity(where: str, found: tuple[str, str], asked: tuple[str, str]) -> None:
    """Raises CacheError naming both identities where a store's (task, verifier) is not the one asked for."""
    for what, theirs, ours in zip(("task", "verifier"), found, asked, strict=True):
        if theirs != ours:
            raise CacheError(
                f"{where}: this cache belongs to {what} '{theirs}', not to {what} '{ours}';"
                " give the run a cache of its own, or the one that it was made with"
            )
