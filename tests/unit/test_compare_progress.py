"""How far a study's runs are: read from their folders while they go on, said on a terminal and in a pipe."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from run_folders import resolved, write_search_run

from dsk.cli.study_progress import StudyProgress, fitted
from dsk.compare.planning import PlannedRun
from dsk.compare.progress import RunProgress
from dsk.core.loading import parse_spec


def planned(folder: Path, *overrides: str) -> PlannedRun:
    spec = parse_spec(resolved(["rounds.count=1000", *overrides]))
    return PlannedRun("full", 3, spec, folder)


def write_step(folder: Path, step: int, tokens: int, end: str = "\n", **figures: int) -> None:
    folder.mkdir(exist_ok=True)
    record = {"event": "step", "step": step, "model_tokens": tokens, "updates": 4 * step, "seconds": 1.0, **figures}
    with (folder / "events.jsonl").open("a") as out:
        out.write(json.dumps(record) + end)


def test_a_line_says_arm_seed_step_budget_and_what_is_left(tmp_path):
    now = [0.0]
    progress = RunProgress(planned(tmp_path / "r", "rounds.max_model_tokens=4000"), lambda: now[0])
    assert progress.line() == "full, seed 3: before its first step"
    write_step(tmp_path / "r", 2, 1000)
    now[0] = 10.0
    assert progress.line() == "full, seed 3: step 2, 1,000 of 4,000 model tokens, about 30 s left"


def test_a_continued_runs_pace_is_that_of_this_time_alone(tmp_path):
    now = [0.0]
    write_step(tmp_path / "r", 2, 2000)
    progress = RunProgress(planned(tmp_path / "r", "rounds.max_model_tokens=4000"), lambda: now[0])
    assert "left" not in progress.line()
    write_step(tmp_path / "r", 3, 3000)
    now[0] = 50.0
    assert progress.line().endswith("about 50 s left")


def test_a_record_that_is_being_written_or_is_damaged_waits(tmp_path):
    write_step(tmp_path / "r", 1, 1000)
    progress = RunProgress(planned(tmp_path / "r", "rounds.max_model_tokens=4000"))
    write_step(tmp_path / "r", 2, 2000, end="")
    with (tmp_path / "r" / "events.jsonl").open("a") as out:
        assert "step 1" in progress.line()
        out.write("\n{broken\n")
    assert "step 2" in progress.line()


@pytest.mark.parametrize(
    ("bound", "told"),
    [("rounds.max_updates=40", "of 40 updates"), ("rounds.max_train_seconds=9", "of 9 seconds")],
)
def test_other_budgets_are_told_beside_the_model_tokens(tmp_path, bound, told):
    write_step(tmp_path / "r", 1, 1000)
    line = RunProgress(planned(tmp_path / "r", bound)).line()
    assert "1,000 model tokens" in line
    assert told in line


def test_a_budget_without_screening_counts_what_screening_left(tmp_path):
    now = [0.0]
    progress = RunProgress(planned(tmp_path / "r", "rounds.max_unscreened_tokens=4000"), lambda: now[0])
    write_step(tmp_path / "r", 2, 3000, screening_tokens=2000)
    now[0] = 10.0
    told = "step 2, 3,000 model tokens, 1,000 of 4,000 model tokens without screening, about 30 s left"
    assert progress.line() == f"full, seed 3: {told}"


def test_a_search_study_counts_trees(tmp_path):
    write_search_run(tmp_path / "r", 3)
    assert RunProgress(planned(tmp_path / "r")).line() == "full, seed 3: 8 trees"


def test_a_pipe_gets_plain_lines_and_none_twice(tmp_path):
    out = io.StringIO()
    write_step(tmp_path / "r", 1, 1000)
    view = StudyProgress(Console(file=out, width=200))
    view.begin(planned(tmp_path / "r"))
    view.show()
    view.show()
    write_step(tmp_path / "r", 2, 2000)
    view.show()
    view.end(planned(tmp_path / "r"))
    view.show()
    assert out.getvalue().splitlines() == [
        "full, seed 3: step 1, 1,000 model tokens",
        "full, seed 3: step 2, 2,000 model tokens",
    ]


def test_a_terminal_shows_a_line_for_every_run(tmp_path):
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=True)
    with StudyProgress(console, seconds=1000) as view:
        for name in ("a", "b"):
            write_step(tmp_path / name, 1, 1000)
            view.begin(replace(planned(tmp_path / name), arm=f"arm {name}"))
        view.show()
        shown = out.getvalue()
    assert "arm a, seed 3: step 1" in shown
    assert "arm b, seed 3: step 1" in shown


ARMS = ("full", "a name of an arm that is far longer than a line has room for, and goes on", "β=0.5, depth=√n")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_has_a_line_a_run_with_seed_step_and_time_left(tmp_path, width):
    now = [0.0]
    shown = []
    for number, arm in enumerate(ARMS):
        folder = tmp_path / str(number)
        limits = ("rounds.max_model_tokens=400000", "rounds.max_updates=40")
        progress = RunProgress(replace(planned(folder, *limits), arm=arm), lambda: now[0])
        write_step(folder, 7, 123456)
        now[0] += 100.0
        shown.append(fitted(progress, width))
    assert all(line.cell_len <= width for line in shown)
    for line in shown:
        assert ", seed 3: step 7, 123,456 of" in line.plain
        assert line.plain.endswith("left")
    assert width < 80 or shown[1].plain.startswith("a name")


def test_two_runs_at_80_columns_take_two_lines(tmp_path):
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    with StudyProgress(console, seconds=1000) as view:
        for name in ("a", "b"):
            write_step(tmp_path / name, 1, 1000)
            view.begin(replace(planned(tmp_path / name, "rounds.max_updates=40"), arm=ARMS[1] + name))
        view.show()
        lines = [line for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()).splitlines() if line.strip()]
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80


def test_lines_in_a_pipe_are_whole_and_plain(tmp_path):
    out = io.StringIO()
    view = StudyProgress(Console(file=out, width=80, soft_wrap=True))
    for name in ("a", "b"):
        write_step(tmp_path / name, 1, 1000)
        view.begin(replace(planned(tmp_path / name), arm=ARMS[1] + name))
    view.show()
    assert out.getvalue().splitlines() == [f"{ARMS[1]}{name}, seed 3: step 1, 1,000 model tokens" for name in "ab"]
    assert "\x1b" not in out.getvalue()
