"""What a plugin's author sees for each mistake: one line that names the distribution, the fault and the remedy."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from plugin_folder import SELECTOR, install
from typer.testing import CliRunner

import dsk.testing
from dsk import __version__
from dsk.core.errors import SpecError
from dsk.core.loading import parse_spec
from dsk.core.plugins.registry import build_registry, load_registry

HOOKS = (
    "register_adjustments, register_advantages, register_backups, register_boundaries, register_caches,"
    " register_engines, register_filters, register_forks, register_losses, register_negatives, register_rollouts,"
    " register_scorers, register_selectors, register_subsets, register_tasks, register_trackers, register_verifiers"
)
FIELD = "    weight: float = Field(default=-1.0, ge=0, description='Weight.')\n"
GOOD = SELECTOR.format(kind="shallow")

MISTAKES = {
    "a hook's name is misspelt": (
        GOOD.replace("def register_selectors", "def register_selector"),
        "plugin 'dsk-x': register_selector is not a hook; did you mean 'register_selectors'?",
    ),
    "a hook is of no role": (
        GOOD.replace("def register_selectors", "def hookify"),
        "plugin 'dsk-x': hookify is not a hook; hooks: " + HOOKS,
    ),
    "a hook is not marked": (
        GOOD.replace("@dsk.hookimpl\n", ""),
        "plugin 'dsk-x': register_selectors is not marked; put @dsk.hookimpl above it",
    ),
    "there is no hook": (
        GOOD.split("@dsk.hookimpl")[0],
        "plugin 'dsk-x': it has no hook; write @dsk.hookimpl def register_...(register): one of " + HOOKS,
    ),
    "a hook takes other arguments": (
        GOOD.replace("(register):", "(register, config):"),
        "plugin 'dsk-x': a hook takes exactly one argument, register",
    ),
    "a hook registers nothing": (
        GOOD.replace("    register(Shallow)", "    pass"),
        "plugin 'dsk-x': it registers nothing; call register(YourClass) in the hook",
    ),
    "a hook fails": (
        GOOD.replace("    register(Shallow)", "    register(Shalow)"),
        "plugin 'dsk-x': register_selectors raises NameError: name 'Shalow' is not defined",
    ),
    "the base class is of another role": (
        GOOD.replace("dsk.Selector", "dsk.Loss"),
        "plugin 'dsk-x': register_selectors got Shallow, which is not a subclass of dsk.Selector",
    ),
    "an instance is registered": (
        GOOD.replace("register(Shallow)", "register(Shallow())"),
        "plugin 'dsk-x': register_selectors got Shallow(), which is not a subclass of dsk.Selector",
    ),
    "there is no kind": (
        GOOD.replace('    kind: ClassVar[str] = "shallow"\n', ""),
        "plugin 'dsk-x': Shallow has no `kind`; set `kind: ClassVar[str] = \"...\"`",
    ),
    "kind is a field": (
        GOOD.replace("kind: ClassVar[str]", "kind: str"),
        "plugin 'dsk-x': Shallow has no `kind`; set `kind: ClassVar[str] = \"...\"`",
    ),
    "a method is missing": (
        GOOD.replace("def scores", "def score"),
        "plugin 'dsk-x': Shallow does not implement scores",
    ),
    "a default does not validate": (
        GOOD.replace("    def scores", FIELD + "    def scores"),
        "plugin 'dsk-x': Shallow's own default for 'weight' does not validate:"
        " Input should be greater than or equal to 0",
    ),
    "the kind is a built-in's": (
        SELECTOR.format(kind="uct"),
        "plugin 'dsk-x': selector 'uct' (Shallow) is already registered by 'dsk' (Uct);"
        " rename one of the two, or uninstall one",
    ),
    "an import fails": (
        "import no_such_library\n" + GOOD,
        "plugin 'dsk-x' 0.1.0 fails to import (dsk_x): ModuleNotFoundError: No module named 'no_such_library';"
        " fix or uninstall it",
    ),
    "the module ends the process": (
        "raise SystemExit(3)\n",
        "plugin 'dsk-x' 0.1.0 fails to import (dsk_x): SystemExit: 3; fix or uninstall it",
    ),
    "the module is not Python": (
        "def :\n",
        "plugin 'dsk-x' 0.1.0 fails to import (dsk_x): SyntaxError: invalid syntax (dsk_x.py, line 1);"
        " fix or uninstall it",
    ),
}


SHALLOW = {"name": "n", "model": {"path": "m"}, "task": "arithmetic", "rollout": {"selector": "shallow"}}
PAGE = Path(__file__).parents[2] / "docs" / "recipes" / "plugin_mistakes.md"


def page_lines(title: str) -> list[str]:
    """The lines in the table of one section of the page of mistakes."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    return [cell[2] for cell in re.finditer(r"^\| .* \| (`+) ?(.+?) ?\1 \|$", section, re.MULTILINE)]


def test_the_documentation_quotes_the_lines():
    unusable = page_lines("It cannot be used")
    assert len(unusable) == 10
    assert set(unusable) <= {line for _, line in MISTAKES.values()}
    suites = "".join(path.read_text(encoding="utf-8") for path in Path(dsk.testing.__file__).parent.glob("*.py"))
    wrong = [line.replace("0 visits", "{visits} visits") for line in page_lines("It runs, and is wrong")]
    assert len(wrong) == 8
    assert [line for line in wrong if line not in suites and "read-only" not in line] == []


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path, and no registry or plugin left over from other tests."""
    monkeypatch.syspath_prepend(tmp_path)
    load_registry.cache_clear()
    yield tmp_path
    load_registry.cache_clear()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_gets_its_line_and_the_rest_keeps_working(site, mistake):
    source, line = MISTAKES[mistake]
    install(site, "dsk-x", source)
    install(site, "dsk-y", SELECTOR.format(kind="works"))
    registry = build_registry()
    assert registry.problems == [line]
    assert {"works", "frontier"} <= set(registry.kinds("selector"))
    assert "shallow" not in registry.kinds("selector")


def test_two_plugins_with_one_kind_are_both_named(site):
    install(site, "dsk-a", SELECTOR.format(kind="same"))
    install(site, "dsk-b", SELECTOR.format(kind="same"))
    assert build_registry().problems == [
        "plugin 'dsk-b': selector 'same' (Shallow) is already registered by 'dsk-a' (Shallow);"
        " rename one of the two, or uninstall one"
    ]


def test_a_plugin_for_another_dsk_says_which_and_is_not_imported(site):
    install(site, "dsk-x", "raise AssertionError('imported')", requires="deepsearch-kit (>=7,<8)")
    assert build_registry().problems == [
        f"plugin 'dsk-x' 0.1.0 needs deepsearch-kit<8,>=7, and {__version__} is installed;"
        " upgrade one of the two: pip install -U deepsearch-kit dsk-x"
    ]


def test_a_plugin_for_this_dsk_is_registered(site):
    install(site, "dsk-x", GOOD, requires="deepsearch_kit>=0.1")
    registry = build_registry()
    assert registry.problems == []
    assert registry.entries["selector", "shallow"].distribution == "dsk-x"
    assert registry.entries["selector", "shallow"].version == "0.1.0"


@pytest.mark.parametrize("names", ["dsk-x", "other, DSK_X", "all"])
def test_disabled_plugins_are_not_imported(site, monkeypatch, names):
    install(site, "dsk-x", "raise AssertionError('imported')")
    monkeypatch.setenv("DSK_DISABLE_PLUGINS", names)
    registry = build_registry()
    assert (registry.problems, registry.left_out) == ([], ["dsk-x"])


def test_a_specs_allow_list_leaves_the_others_out(site):
    install(site, "dsk-x", "raise AssertionError('imported')")
    install(site, "dsk-y", SELECTOR.format(kind="works"))
    spec = {"name": "n", "model": {"path": "m"}, "task": "arithmetic", "rollout": {"kind": "tree", "selector": "works"}}
    assert parse_spec({**spec, "plugins": ["dsk-y"]}).dump()["rollout"]["selector"]["kind"] == "works"
    with pytest.raises(SpecError, match=r"unknown selector 'works'; .*; plugins left out: dsk-x, dsk-y"):
        parse_spec({**spec, "plugins": []})


def test_an_allow_list_that_names_what_is_not_installed_is_refused(site):
    install(site, "dsk-y", GOOD)
    with pytest.raises(SpecError) as caught:
        build_registry(["dsk-z"])
    assert str(caught.value) == ("plugins: 'dsk-z' is not installed; pip install it, or take it off; installed: dsk-y")


def test_every_load_warns_of_what_cannot_be_used(site, caplog):
    install(site, "dsk-x", "import no_such_library")
    with caplog.at_level(logging.WARNING):
        load_registry()
    assert [record.message for record in caplog.records] == [f"dsk: {line}" for line in load_registry().problems]


def test_an_unknown_kind_names_the_broken_plugins(site):
    install(site, "dsk-x", "import no_such_library")
    with pytest.raises(
        SpecError, match=r"unknown selector 'shallow'; allowed: .*; plugins that failed to load .*: dsk-x"
    ):
        parse_spec(SHALLOW)


def test_an_unknown_kind_names_distributions_that_lack_the_entry_point(site):
    install(site, "dsk-x", GOOD, requires="deepsearch-kit>=0.1")
    (site / "dsk_x-0.1.0.dist-info" / "entry_points.txt").write_text("[dsk.plugins]\nplugin = dsk_x\n")
    with pytest.raises(SpecError, match=r"unknown selector 'shallow'; .*entry point in .*: .*dsk-x"):
        parse_spec(SHALLOW)


def test_check_and_list_show_the_line(site):
    from dsk.cli.app import app

    install(site, "dsk-x", MISTAKES["a method is missing"][0])
    line = MISTAKES["a method is missing"][1]
    checked = CliRunner().invoke(app, ["plugins", "check"])
    assert str(checked.exception) == line
    listed = CliRunner().invoke(app, ["plugins", "list", "--json"])
    assert line in listed.output
