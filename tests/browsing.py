"""Waiting for a page that runs no script but its own."""

from __future__ import annotations

import time
from typing import Any

SECONDS = 30.0


def until(page: Any, script: str, arg: object = None) -> None:
    """Ask again until `script` is true.

    What `page.wait_for_function` does once it has to ask again is to evaluate text, which the pages' policy forbids.
    """
    end = time.monotonic() + SECONDS
    while not page.evaluate(script, arg):
        assert time.monotonic() < end, f"never came true: {script}"
        page.wait_for_timeout(20)
