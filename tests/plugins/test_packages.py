"""Plugins as a user meets them: the wheel of dsk, packages installed with pip, their tests, a training with each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from clean_environment import ROOT, Environment, build, make

from dsk.cli.scaffold import PLACES, template_words, write_package

pytestmark = pytest.mark.full
EXAMPLES = {
    "dsk-thompson": ("selector", "thompson", "search.selector.kind=thompson"),
    "dsk-units": ("verifier", "units", "verifier.kind=units"),
    "dsk-sapo": ("loss", "sapo", "train.loss.kind=sapo"),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Environment:
    """dsk from its wheel, all the example packages, and one new package for each role."""
    folder = tmp_path_factory.mktemp("clean")
    environment = make(folder / "venv", build(folder / "dist"))
    for name in EXAMPLES:
        shutil.copytree(ROOT / "examples" / "plugins" / name, folder / name)
    for role in PLACES:
        environment.call("dsk", "plugins", "new", f"dsk-my-{role}", "--role", role, "--folder", folder)
    environment.install(*(folder / name for name in [*EXAMPLES, *(f"dsk-my-{role}" for role in PLACES)]))
    return environment


def package(environment: Environment, name: str) -> Path:
    return environment.folder.parent / name


def test_dsk_itself_comes_from_the_wheel(environment):
    found = environment.call("python", "-c", "import dsk; print(dsk.__file__)", cwd=environment.folder)
    assert Path(found.strip()).is_relative_to(environment.folder)
    assert environment.call("dsk", "plugins", "check").endswith(": all in order\n")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_package_is_listed_passes_its_tests_and_trains(environment, name, tmp_path):
    role, kind, override = EXAMPLES[name]
    assert environment.kinds()[role, kind] == name
    environment.test(package(environment, name))
    [update] = environment.train(tmp_path / "run", override)
    assert update["applied"] == 1
    assert update["rows"] > 0


@pytest.mark.parametrize("role", PLACES)
def test_a_new_package_of_each_role_is_listed_passes_its_tests_untouched_and_trains(environment, role, tmp_path):
    words = template_words(f"dsk-my-{role}", role)
    assert environment.kinds()[role, words["kind"]] == words["name"]
    environment.test(package(environment, words["name"]))
    assert environment.train(tmp_path / "run", words["set_example"].replace("'", ""))


def test_a_new_packages_toml_has_six_lines(tmp_path):
    written = write_package("dsk-six", "selector", tmp_path)
    assert len((written / "pyproject.toml").read_text().splitlines()) == 6
