"""The live view on a terminal: what a person sees in place of markup and of rates over no time."""

import io

from rich.console import Console

from dsk.cli.live import LiveView
from dsk.core.sampling.scheduler import Progress
from dsk.core.spec import RunSpec


def test_a_line_above_the_panel_leaves_the_panel_as_it_was():
    spec = RunSpec.model_validate({"name": "a", "model": {"path": "x"}, "task": {"kind": "arithmetic"}})
    shown = io.StringIO()
    with LiveView(spec, Console(file=shown, force_terminal=True, color_system=None, width=120)) as view:
        view.progress("search", Progress(done=0, total=9, in_flight=9, solved=0, tokens=1280))
        view.record({"event": "notice", "text": "[as it is]"})
    assert "notice: [as it is]" in shown.getvalue()
    assert "run a " in shown.getvalue()
    assert "dim" not in shown.getvalue()
    assert "tokens/s -" in shown.getvalue(), "no rate before there was time for one"
