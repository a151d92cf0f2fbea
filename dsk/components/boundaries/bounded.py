"""Steps with an upper bound."""

from __future__ import annotations

from collections.abc import Sequence


def bounded(lengths: Sequence[int], longest: int) -> list[int]:
    """The lengths with every one above `longest` (0: no bound) cut into pieces of that and a rest."""
    if not longest:
        return list(lengths)
    cut: list[int] = []
    for length in lengths:
        whole, rest = divmod(length, longest)
        cut += [longest] * whole + ([rest] if rest or not length else [])
    return cut
