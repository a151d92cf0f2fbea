"""The command line. Functions here parse, call and render; the work is in `dsk.core`."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `dsk`: a DskError becomes one line on stderr and its exit code (2: the input was wrong)."""
    from dsk.cli.app import app
    from dsk.core.errors import DskError

    if "--debug" in sys.argv:
        sys.argv.remove("--debug")
        app()
    try:
        app()
    except DskError as error:
        for line in str(error).splitlines() or [type(error).__name__]:
            sys.stderr.write(f"dsk: {line}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("dsk: stopped at once; continue from the last checkpoint with --resume\n")
        sys.exit(130)
