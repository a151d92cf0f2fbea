"""What a worker of `math` does: sympy compares, in a child that can be killed (`core/workers/worker.py`)."""

from __future__ import annotations

import json
import os
from typing import Any

from dsk.components.verifiers.symbolic import compare, warm_up

__all__ = ["serve", "warm_up"]
ANSWERS_PER_CHILD = 5000


def serve(stdin: int, stdout: int) -> None:
    """A forked child's whole life: compare what comes in until it has done enough or runs out of memory."""
    with os.fdopen(stdin, "rb") as lines, os.fdopen(stdout, "wb", buffering=0) as out:
        for count in range(1, ANSWERS_PER_CHILD + 1):
            line = lines.readline()
            if not line:
                return
            task = json.loads(line)
            try:
                reply: dict[str, Any] = {"reason": compare(task["answer"], task["gold"], task["decimals"])}
            except MemoryError:
                reply = {"reason": "memory", "last": True}
            except RecursionError:
                reply = {"reason": "unparsable", "last": True}
            except Exception as error:  # noqa: BLE001 - sympy raises anything on hostile input; the verdict says so
                reply = {"reason": "unparsable", "detail": type(error).__name__}
            if count == ANSWERS_PER_CHILD:
                reply["last"] = True
            out.write(json.dumps(reply).encode() + b"\n")
            if reply.get("last"):
                return
