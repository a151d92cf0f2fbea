"""`none`: keeps every sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dsk.core.roles import Filter


class NoFilter(Filter):
    """Keeps everything, garbled or not (the released code's behaviour)."""

    kind: ClassVar[str] = "none"

    def reason(self, tokens: Sequence[int], text: str) -> str | None:
        """Always None."""
        return None
