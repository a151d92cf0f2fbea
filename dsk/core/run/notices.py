"""Notices (`errors.Notice`) given anywhere below a block, in one place."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from dsk.core.errors import Notice


@contextmanager
def notices(tell: Callable[[str], None]) -> Iterator[None]:
    """Pass the text of every Notice of this process to `tell`, repeated ones too; other warnings are left alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, Notice):
                tell(str(message))
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield
