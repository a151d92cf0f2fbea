"""The authors' recorded searches: same expansions in the same order, same values."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dsk.testing.replay import difference, main

TRACES = Path(__file__).parent / "frontier_traces.json"
SHARED = Path(__file__).parents[3] / "shared" / "golden" / "frontier_traces.json"
RECORDED = json.loads(TRACES.read_text())


@pytest.mark.parametrize("index", range(len(RECORDED)))
def test_recorded_tree_is_reproduced(index):
    assert difference(RECORDED[index]) is None


def test_replay_command_exits_0_on_the_recorded_file():
    done = subprocess.run([sys.executable, "-m", "dsk.testing.replay", str(TRACES)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(RECORDED)} traces reproduced" in done.stdout


def test_replay_prints_the_first_difference_and_exits_1(tmp_path, capsys):
    changed = json.loads(TRACES.read_text())
    changed[3]["nodes"][""]["q"] += 1e-6
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(changed))
    assert main([str(file)]) == 1
    assert "trace 3: node '' q" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', '[{"config": {}}]'])
def test_replay_exits_2_on_a_file_that_is_no_trace(tmp_path, text, capsys):
    file = tmp_path / "broken.json"
    file.write_text(text)
    assert main([str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.skipif(not SHARED.is_file(), reason="the shared traces are not beside the project")
def test_the_committed_traces_are_the_shared_ones():
    assert SHARED.read_bytes() == TRACES.read_bytes()
