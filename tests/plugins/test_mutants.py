"""Each contract suite rejects every broken component of `broken/`, by the property that the mistake breaks."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib import import_module
from pathlib import Path

import pytest

import dsk.testing

FOLDER = Path(__file__).parent
FILES = sorted(path.stem for path in (FOLDER / "broken").glob("broken_*.py"))
sys.path.append(str(FOLDER / "broken"))


def mutants(suite: str) -> list[type]:
    """The broken components' test classes of one file."""
    module = import_module(suite)
    return [part for _, part in inspect.getmembers(module, inspect.isclass) if "caught_by" in vars(part)]


def accusations(suite: str) -> list[tuple[str, str]]:
    """(test class, the property that must reject it) of one file."""
    return [(part.__name__, part.caught_by) for part in mutants(suite)]


def verdicts(suite: str, report: Path) -> dict[tuple[str, str], list[str]]:
    """First line of each failure by (class, test), from one run of just the file's accused tests."""
    nodes = [f"broken/{suite}.py::{name}::{test}" for name, test in accusations(suite)]
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", "mutant_profile"]
    command += ["-o", "python_classes=Breaks*", "-o", "addopts=", f"--junitxml={report}", *nodes]
    hidden = {name for name in os.environ if name.startswith("PYTEST_")}
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    variables["PYTHONPATH"] = os.pathsep.join([str(FOLDER), str(FOLDER.parent)])
    done = subprocess.run(command, cwd=FOLDER, env=variables, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    found: dict[tuple[str, str], list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.attrib["classname"].split(".")[-1]
        lines = [fault.attrib["message"].splitlines()[0] for fault in case.findall("failure")]
        found.setdefault((name, case.attrib["name"].split("[")[0]), []).extend(lines)
    return found


@pytest.mark.parametrize("suite", FILES)
def test_each_broken_component_is_rejected_by_the_property_it_breaks(suite, tmp_path):
    found = verdicts(suite, tmp_path / "report.xml")
    assert [case for case in accusations(suite) if not found.get(case)] == [], "the suite accepts these"
    lines = {case: found[case] for case in accusations(suite)}
    accidents = ("NameError", "ImportError", "TypeError: Can't instantiate")
    assert [case for case, said in lines.items() if any(line.startswith(accidents) for line in said)] == []


@pytest.mark.parametrize("contract", [name for name in dsk.testing.__all__ if name != "ComponentContract"])
def test_every_property_of_a_suite_rejects_something(contract):
    """No property is there for show: each has a mistake that it alone is accused of catching."""
    suite = getattr(dsk.testing, contract)
    accused = {part.caught_by for file in FILES for part in mutants(file) if issubclass(part, suite)}
    component = {name for name in dir(dsk.testing.ComponentContract) if name.startswith("test_")}
    own = {name for name in dir(suite) if name.startswith("test_")} - component
    assert own - accused == set()
