"""A virtual environment with the wheel of dsk in it, and the commands that a user types there.

torch and the other libraries come from the environment that runs the tests (a path file), so that one is made in
seconds; dsk itself and the plugins are installed into it, not editable.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHORT = {
    "task.train_problems": 8, "task.test_problems": 4, "task.min_steps": 3, "task.max_steps": 5,
    "screen.samples": 2, "screen.threshold": 1.0, "rounds.count": 1, "rounds.steps": 1, "max_response_tokens": 80,
    "rollout.trajectories": 8, "rollout.max_expansions": 12, "replay.samples": 8, "train.batch_problems": 8,
    "train.mini_batch_problems": 8, "evaluate.samples": 1,
}  # fmt: skip
"""Overrides that make the quickstart a run of one step."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment in `folder`."""

    folder: Path

    def start(self, *command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run a command with the environment's programs first on the path."""
        hidden = {"PYTHONPATH", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS", "DSK_DISABLE_PLUGINS"}
        variables = {name: value for name, value in os.environ.items() if name not in hidden}
        variables["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{variables['PATH']}"
        words = [str(word) for word in command]
        words[0] = shutil.which(words[0], path=variables["PATH"]) or words[0]
        return subprocess.run(words, cwd=cwd, env=variables, capture_output=True, text=True, check=False)

    def call(self, program: str, *arguments: str | Path, cwd: Path = ROOT) -> str:
        """What a program of the environment prints; fails with its output where it fails."""
        done = self.start(self.folder / "bin" / program, *arguments, cwd=cwd)
        assert done.returncode == 0, f"{program} {arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def install(self, *arguments: str | Path) -> None:
        """`pip install`."""
        self.call("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)

    def kinds(self) -> dict[tuple[str, str], str]:
        """The distribution of each (role, kind) that `dsk plugins list` shows."""
        listed = json.loads(self.call("dsk", "plugins", "list", "--json"))
        assert listed["problems"] == []
        return {(entry["role"], entry["kind"]): entry["distribution"] for entry in listed["components"]}

    def train(self, folder: Path, *overrides: str) -> list[dict[str, Any]]:
        """The update records of a short quickstart."""
        short = [f"{path}={value}" for path, value in SHORT.items()] + list(overrides)
        sets = [part for override in short for part in ("--set", override)]
        self.call("dsk", "run", ROOT / "examples/quickstart.json", "--quiet", "--folder", folder, *sets)
        events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
        return [event for event in events if event["event"] == "update"]

    def test(self, package: Path) -> str:
        """The package's own tests, as its author runs them."""
        return self.call("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package)


def build(folder: Path) -> Path:
    """The wheel of dsk, built into `folder`."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return wheel


def make(folder: Path, wheel: Path) -> Environment:
    """A new environment with dsk from `wheel`."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    environment = Environment(folder)
    [site] = folder.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    environment.install("--no-deps", "--force-reinstall", wheel)
    return environment
