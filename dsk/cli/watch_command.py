"""`dsk watch`: runs followed in a browser; and the same beside a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

RUNS = Path("runs")


def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="[RUNS]", help="A folder that holds runs, at any depth; or one run's.")
    ] = RUNS,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1 [default: a free one].", show_default=False)
    ] = None,
    opened: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Follow runs in the browser: the list, live curves and trees, several runs laid over each other.

    Reads the runs' folders, wherever the runs go on, and writes nothing. Only this machine can ask it; Ctrl-C ends it.
    """
    from dsk.core.errors import RunFolderError
    from dsk.core.input.faults import printable
    from dsk.watch.places import find_places
    from dsk.watch.server import address, listen, make_server, stay_offline
    from dsk.watch.watched import Watched

    if not folder.is_dir():
        raise RunFolderError(f"{folder}: there is no such folder; name one that holds runs (`dsk run` makes runs/NAME)")
    stay_offline()
    place = listen(port or 0)
    typer.echo(f"Watching {printable(str(folder))} at {address(place)} (Ctrl-C ends it)")
    if not find_places(folder)[0]:
        typer.echo("There are no runs in it yet; they appear as they begin.")
    if opened:
        typer.launch(address(place))
    try:
        make_server(Watched(folder), place).run(sockets=[place])
    except KeyboardInterrupt:
        typer.echo("dsk: stopped watching; the runs go on", err=True)
        raise typer.Exit(130) from None


@contextmanager
def beside_run(folder: Path | None, name: str) -> Iterator[None]:
    """Serve the run's folder (`runs/NAME` where it is None: all of `runs`) while the block lasts, and say where."""
    from urllib.parse import quote

    from dsk.watch.beside import watched_beside
    from dsk.watch.places import key_of

    with watched_beside(folder or RUNS) as where:
        page = f"{where}#run={quote(key_of(Path(name)), safe='') if folder is None else '.'}"
        typer.echo(f"Watch: {page} (ends with the run; `dsk watch {folder or RUNS}` shows it again)")
        if _has_desktop():
            typer.launch(page)
        yield


def _has_desktop() -> bool:
    """Whether a browser would open in front of somebody, rather than in the terminal or on a machine far away."""
    somebody = sys.stdout.isatty() and "SSH_CONNECTION" not in os.environ
    return somebody and (sys.platform != "linux" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()))
