"""One run of a study, in a process of its own: `python -m dsk.compare.worker MODE FOLDER PARENT < run.json`."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dsk.core.errors import DskError, InterruptedRun
from dsk.core.run.stopping import StopRequest

ORPHAN_SECONDS = 300
PR_SET_PDEATHSIG = 1


class Parent:
    """The process that started this one: when it is gone, save, stop, and have ended after `ORPHAN_SECONDS`."""

    def __init__(self, number: int) -> None:
        self._number = number

    def gone(self) -> bool:
        """Whether the parent has ended."""
        return os.getppid() != self._number

    def follow(self) -> None:
        """Have the kernel (Linux) send SIGHUP when the parent ends, however it does; `gone` is for elsewhere."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
        if self.gone():
            signal.raise_signal(signal.SIGHUP)

    def bound(self) -> None:
        """Without a parent, end at the alarm's default action: by the kernel, whatever this process is doing."""
        if self.gone():
            signal.alarm(ORPHAN_SECONDS)


def work(mode: str, folder: Path, should_stop: Callable[[], bool]) -> None:
    """Run or continue what `folder` holds."""
    from dsk.compare.fixed.measuring import measure
    from dsk.compare.search_only import search_only
    from dsk.core.loading import parse_spec
    from dsk.core.rounds import run
    from dsk.core.run.ledger import Silent

    data = sys.stdin.read()
    if should_stop():
        raise InterruptedRun("interrupted before it began")
    told = json.loads(data)
    spec = parse_spec(told["spec"])
    resume = (folder / "spec.json").is_file()
    if told["work"]:
        measure(spec, folder, told["work"], resume=resume, listener=Silent(), should_stop=should_stop)
    elif mode == "search":
        search_only(spec, folder, resume=resume, listener=Silent(), should_stop=should_stop)
    else:
        run(spec, folder, resume=resume, should_stop=should_stop)


def main() -> int:
    """Exit code as `dsk run`; the last line of stderr is the reason of a failure."""
    mode, folder, number = sys.argv[1:]
    parent = Parent(int(number))
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the parent's `nohup` is against its terminal, not its end
    try:
        with StopRequest(parent.bound) as stop:
            parent.follow()
            work(mode, Path(folder), lambda: stop() or parent.gone())
    except DskError as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        with suppress(OSError):  # a full disk has no room for the log either; status.json has the reason
            sys.stderr.write(f"{first}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
