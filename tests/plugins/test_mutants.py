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
SHARDS = {"with torch": ["broken_engines", "broken_losses"]}
SHARDS["without torch"] = [suite for suite in FILES if suite not in SHARDS["with torch"]]
"""What runs in one process: starting one costs more than the tests of most files."""
sys.path.append(str(FOLDER / "broken"))


def mutants(suite: str) -> list[type]:
    """The broken components' test classes of one file."""
    module = import_module(suite)
    return [part for _, part in inspect.getmembers(module, inspect.isclass) if "caught_by" in vars(part)]


def accusations(shard: str) -> list[tuple[str, str, str]]:
    """(file, test class, the property that must reject it)."""
    return [(suite, part.__name__, part.caught_by) for suite in SHARDS[shard] for part in mutants(suite)]


def failures(shard: str, report: Path) -> dict[tuple[str, str, str], list[str]]:
    """First line of each failure by (file, class, test), from one run of just the accused tests."""
    nodes = [f"broken/{suite}.py::{name}::{test}" for suite, name, test in accusations(shard)]
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", "mutant_profile"]
    command += ["-o", "python_classes=Breaks*", "-o", "addopts=", f"--junitxml={report}", *nodes]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    variables["PYTHONPATH"] = os.pathsep.join([str(FOLDER), str(FOLDER.parent)])
    done = subprocess.run(command, cwd=FOLDER, env=variables, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    found: dict[tuple[str, str, str], list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        suite, name = case.attrib["classname"].split(".")[-2:]
        lines = [fault.attrib["message"].splitlines()[0] for fault in case.findall("failure")]
        found.setdefault((suite, name, case.attrib["name"].split("[")[0]), []).extend(lines)
    return found


@pytest.mark.parametrize("shard", SHARDS)
def test_each_broken_component_is_rejected_by_the_property_it_breaks(shard, tmp_path):
    found = failures(shard, tmp_path / "report.xml")
    assert [case for case in accusations(shard) if not found.get(case)] == [], "the suites accept these"
    accidents = ("NameError", "ImportError", "TypeError: Can't instantiate")
    assert [case for case in accusations(shard) if any(line.startswith(accidents) for line in found[case])] == []


@pytest.mark.parametrize("contract", [name for name in dsk.testing.__all__ if name != "ComponentContract"])
def test_every_property_of_a_suite_rejects_something(contract):
    """No property is there for show: each has a mistake that it alone is accused of catching."""
    suite = getattr(dsk.testing, contract)
    accused = {part.caught_by for file in FILES for part in mutants(file) if issubclass(part, suite)}
    component = {name for name in dir(dsk.testing.ComponentContract) if name.startswith("test_")}
    own = {name for name in dir(suite) if name.startswith("test_")} - component
    assert own - accused == set()
