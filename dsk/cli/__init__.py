"""The command line. Functions here parse, call and render; the work is in `dsk.core`."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `dsk`: a DskError becomes one line on stderr and its exit code (2: the input was wrong)."""
    from dsk.core.model.threads import wait_passively

    wait_passively()
    from dsk.cli.app import app
    from dsk.core.errors import DskError
    from dsk.core.run.notices import notices

    if "--debug" in sys.argv:
        sys.argv.remove("--debug")
        app()
    try:
        with notices(lambda text: _write(f"notice: {text}")):
            app()
    except DskError as error:
        for line in error.lines():
            _write(f"dsk: {line}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _write("dsk: stopped at once; continue from the last checkpoint with --resume")
        sys.exit(130)


def _write(line: str) -> None:
    from dsk.cli.outlet import silence
    from dsk.core.input.faults import printable

    try:
        sys.stderr.write(printable(line) + "\n")
    except OSError:
        # the terminal is gone; the exit code still tells
        silence(sys.stderr)
