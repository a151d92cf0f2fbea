"""Plugins as a user meets them: the wheel of dsk, packages installed with pip, their tests, a training with each."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clean_environment import ROOT, SHORT, Environment, build, make

from dsk.cli.scaffold import template_words, write_package
from dsk.core.roles import role_names

pytestmark = pytest.mark.full
EXAMPLES = {
    "dsk-thompson": ("selector", "thompson", "rollout.selector.kind=thompson"),
    "dsk-scored": ("selector", "scored", "rollout.selector.kind=scored"),
    "dsk-units": ("verifier", "units", "verifier.kind=units"),
    "dsk-sapo": ("loss", "sapo", "train.loss.kind=sapo"),
}
WORDS = {f"dsk-my-{role}": template_words(f"dsk-my-{role}", role) for role in role_names()}
PACKAGES = EXAMPLES | {
    name: (words["role"], words["kind"], words["set_example"].replace("'", "")) for name, words in WORDS.items()
}
TRAIN = """
import json, sys
import dsk
for name, folder, overrides in json.loads(sys.argv[1]):
    run = dsk.run(dsk.load_spec("examples/quickstart.json", overrides), folder)
    print(json.dumps([name, [record for record in run.records if record["event"] == "update"]]), flush=True)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Environment:
    """dsk from its wheel, all the example packages, and one new package for each role."""
    folder = tmp_path_factory.mktemp("clean")
    environment = make(folder / "venv", build(folder / "dist"))
    for name in EXAMPLES:
        shutil.copytree(ROOT / "examples/plugins" / name, folder / name, ignore=shutil.ignore_patterns(".hypothesis"))
    for name, words in WORDS.items():
        environment.call("dsk", "plugins", "new", name, "--role", words["role"], "--folder", folder)
    quiet = ("-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "-w", folder / "wheels")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: environment.call("python", *quiet, folder / name), PACKAGES))
    environment.install(*sorted((folder / "wheels").iterdir()))
    return environment


@pytest.fixture(scope="module")
def outcomes(environment) -> Counter[tuple[str, str]]:
    """How many tests of each package (passed, failed), all run by one pytest."""
    folder = environment.folder.parent
    options = ("-q", "-p", "no:cacheprovider", "--tb=short", "--junitxml", folder / "report.xml")
    environment.start(environment.folder / "bin/python", "-m", "pytest", *options, *PACKAGES, cwd=folder)
    found: Counter[tuple[str, str]] = Counter()
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        module = re.search(r"test_(dsk_\w+)", case.attrib["classname"])
        package = module[1].replace("_", "-") if module else "?"
        faults = [fault for tag in ("failure", "error") for fault in case.iter(tag)]
        found[package, "failed" if faults else "passed"] += 1
        found.update({(package, f"{case.attrib['name']}: {fault.attrib['message']}"): 1 for fault in faults})
    return found


@pytest.fixture(scope="module")
def updates(environment, tmp_path_factory) -> dict[str, list[dict]]:
    """The update records of a short quickstart with each package: two processes, several runs in each."""
    folder = tmp_path_factory.mktemp("runs")
    short = [f"{path}={value}" for path, value in SHORT.items()]
    jobs = [(name, str(folder / name), [*short, override]) for name, (_, _, override) in PACKAGES.items()]

    def train(part: list) -> str:
        return environment.call("python", "-c", TRAIN, json.dumps(part))

    with ThreadPoolExecutor(2) as threads:
        lines = "".join(threads.map(train, [jobs[::2], jobs[1::2]])).splitlines()
    return dict(map(json.loads, lines))


def test_dsk_itself_comes_from_the_wheel(environment):
    found = environment.call("python", "-c", "import dsk; print(dsk.__file__)", cwd=environment.folder)
    assert Path(found.strip()).is_relative_to(environment.folder)
    assert environment.call("dsk", "plugins", "check").endswith(": all in order\n")


def test_each_package_is_listed_with_its_distribution(environment):
    kinds = environment.kinds()
    assert {name: kinds[role, kind] for name, (role, kind, _) in PACKAGES.items()} == {name: name for name in PACKAGES}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_packages_tests_pass_untouched(outcomes, name):
    assert [text for package, text in outcomes if package == name] == ["passed"]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_quickstart_trains_with_one_word_changed(updates, name):
    [update] = updates[name]
    assert update["applied"] == 1
    assert update["rows"] > 0


def test_packages_are_clean_under_strict_type_checking(environment):
    """So what dsk exports has types; pint's are partly unknown."""
    folder = environment.folder.parent
    checked = {"include": [n for n in PACKAGES if n != "dsk-units"], "exclude": ["**/tests"], "pythonVersion": "3.11"}
    settings = {**checked, "typeCheckingMode": "strict", "venvPath": str(folder), "venv": "venv"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    assert "0 errors" in environment.call("python", "-m", "pyright", "-p", folder)


def test_a_new_packages_toml_has_six_lines(tmp_path):
    written = write_package("dsk-six", "selector", tmp_path)
    assert len((written / "pyproject.toml").read_text().splitlines()) == 6
