"""One run of a study, in a process of its own: `python -m dsk.compare.worker MODE FOLDER THREADS < spec.json`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType


class StopRequest:
    """Turns true at the first SIGINT or SIGTERM, and when the process that started this one is gone."""

    def __init__(self) -> None:
        self._asked = False
        self._parent = os.getppid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        return self._asked or os.getppid() != self._parent

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        signal.signal(number, signal.default_int_handler)


def work(mode: str, folder: Path, threads: int, should_stop: StopRequest) -> None:
    """Run or continue what `folder` holds."""
    import torch

    from dsk.compare.search_only import search_only
    from dsk.core.ledger import Silent
    from dsk.core.rounds import run
    from dsk.core.spec import parse_spec

    torch.set_num_threads(threads)
    spec = parse_spec(json.load(sys.stdin))
    resume = (folder / "spec.json").is_file()
    if mode == "search":
        search_only(spec, folder, resume=resume, listener=Silent(), should_stop=should_stop)
    else:
        run(spec, folder, resume=resume, should_stop=should_stop)


def main() -> int:
    """Exit code as `dsk run`; the last line of stderr is the reason of a failure."""
    from dsk.core.errors import DskError

    mode, folder, threads = sys.argv[1:]
    try:
        work(mode, Path(folder), int(threads), StopRequest())
    except DskError as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        sys.stderr.write(f"{first}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
