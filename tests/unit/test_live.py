"""The live view on a terminal: what a person sees in place of markup and of rates over no time."""

import io
import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dsk.cli.live import LiveView, PlainView
from dsk.core.run.moment import Moment
from dsk.core.run.notebook import NotebookView
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


CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
STEP = {
    "event": "step", "step": 1234, "round": 12, "solved": 120, "problems": 128, "replayed": 100, "group_reward": -0.123,
    "update_loss": -0.01234, "update_grad_norm": 12.345, "trajectory_entropy": 0.1, "cached_problems": 12345,
}  # fmt: skip
EVALUATION = {"event": "evaluation", "when": "step_1234", "pass_at_1": 0.5, "low": 0.4, "high": 0.6, "problems": 1024}
LONG = {"event": "notice", "text": "a notice of many words " * 9}
counts = st.integers(0, 10**7)


def follow(view: LiveView | PlainView, progress: Progress) -> None:
    for record in (STEP, EVALUATION, LONG):
        view.progress("search", progress)
        view.record(record)
    view.progress("evaluate", progress)


@given(st.builds(Progress, done=counts, in_flight=counts, total=counts, tokens=counts, solved=counts))
def test_the_live_view_keeps_to_80_columns_and_cuts_no_figure(progress):
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, color_system=None, width=80)
    spec = RunSpec.model_validate({"name": "a" * 40, "model": {"path": "x"}, "task": {"kind": "arithmetic"}})
    with LiveView(spec, console) as view:
        follow(view, progress)
    lines = re.split(r"[\r\n]+", CONTROL.sub("", shown.getvalue()))
    assert max(map(len, lines)) <= 80
    told = " ".join(" ".join(lines).split())
    assert "…" not in told
    assert f"search {progress.done}/{progress.total}" in told
    assert f"solved {progress.solved}" in told
    assert "grad norm 12.345" in told


def test_a_pipe_gets_a_line_a_record_and_no_control_characters():
    shown = io.StringIO()
    follow(PlainView(Console(file=shown, width=80)), Progress(done=1, in_flight=1, total=2, tokens=9, solved=0))
    lines = shown.getvalue().splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert "step 1234: 120/128 solved, 100 replayed, reward -0.12, loss -0.0123, grad norm 12.345" in lines[0]


def test_the_time_left_supposes_the_pace_of_the_phase():
    now = [0.0]
    moment = Moment("a", lambda: now[0])
    moment.progress("search", Progress(done=0, in_flight=4, total=8, tokens=0, solved=0))
    assert (moment.figures["ETA"], moment.share) == ("-", 0)
    now[0] = 10.0
    moment.progress("search", Progress(done=2, in_flight=4, total=8, tokens=500, solved=1))
    assert (moment.figures["ETA"], moment.figures["tokens/s"], moment.share) == ("30s", "50", 0.25)


def test_a_notebook_shows_the_bar_the_figures_and_the_last_records():
    drawn: list[str] = []
    view = NotebookView(lines=2, draw=drawn.append)
    view.progress("search", Progress(done=8, in_flight=0, total=8, tokens=0, solved=3))
    for step in (1, 2, 3):
        view.record({**STEP, "step": step})
    view.record({"event": "notice", "text": "<b>bold</b>"})
    shown = drawn[-1]
    assert "value='1.000'" in shown
    assert "search 8/8" in shown
    assert "step 3:" in shown
    assert "step 2:" not in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert len(drawn) == 5
