"""Imports go one way: the direction of DESIGN.md, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dsk"
HEAVY = ("torch", "transformers", "sympy", "math_verify", "pyarrow", "redis", "vllm", "ray", "datasets", "peft")
ROOMS = {
    "input": (),
    "plugins": ("input",),
    "workers": (),
    "sampling": ("input", "plugins"),
    "model": ("input", "plugins"),
    "training": ("input", "plugins", "sampling", "model"),
    "run": ("input", "plugins", "sampling", "model", "training"),
}
"""Folders of core and which others each may import; all may import the files that lie beside them, but rounds."""
ABOVE = ("dsk.cli", "dsk.compare", "dsk.report", "dsk.treeview", "dsk.watch", "dsk.testing")
"""Packages that core and components know nothing of."""
LIGHT = ("dsk.core.input", "dsk.core.plugins", "dsk.core.sampling", "dsk.core.roles", "dsk.core.spec")
"""Rooms that a command reaches before anything runs: no heavy library in them."""
ROLES = sorted(path.name for path in (PACKAGE / "components").iterdir() if (path / "__init__.py").exists())


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path, top_only: bool = False) -> set[str]:
    """Names of the modules that a file imports; those under `if TYPE_CHECKING:` are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {name for node in statements(tree, top_only) for name in names(node)}


def statements(node: ast.AST, top_only: bool):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if top_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield child
        yield from statements(child, top_only)


def names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "absolute imports only"
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else str(node.module) for name in inner]
    return []


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offences(package: str, *forbidden: str, top_only: bool = False) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if within(module, package)
        for name in sorted(imports(path, top_only))
        if within(name, *forbidden)
    ]


def test_core_imports_nothing_above_it():
    assert offences("dsk.core", "dsk.components", *ABOVE) == []


def test_components_import_core_only():
    assert offences("dsk.components", *ABOVE) == []


def test_nothing_but_tests_and_plugins_imports_the_contract_suites():
    above = ("dsk.core", "dsk.components", "dsk.cli", "dsk.compare", "dsk.report", "dsk.treeview", "dsk.watch")
    assert [offence for part in above for offence in offences(part, "dsk.testing")] == []


def test_no_library_code_imports_the_command_line():
    for part in ("dsk.core", "dsk.components", "dsk.compare", "dsk.report", "dsk.treeview", "dsk.watch", "dsk.testing"):
        assert offences(part, "dsk.cli") == []


@pytest.mark.parametrize("role", ROLES)
def test_components_of_one_role_do_not_import_another_roles(role):
    siblings = [f"dsk.components.{other}" for other in ROLES if other != role]
    assert offences(f"dsk.components.{role}", *siblings) == []


def test_no_command_imports_a_heavy_library_at_the_top():
    assert offences("dsk.cli", *HEAVY, top_only=True) == []


def test_registering_validating_and_help_reach_no_heavy_library():
    """Directly or through another module of dsk, so that `dsk validate` and `dsk --help` are quick."""
    light = [module for module in MODULES if is_registered(module) or module in ("dsk", "dsk.cli", "dsk.cli.app")]
    light += [module for module in MODULES if within(module, *LIGHT) or (module.count(".") == 2 and is_core(module))]
    light.remove("dsk.core.rounds")
    chains = {module: chain for module in light if (chain := heavy_chain(module))}
    assert chains == {}


def is_registered(module: str) -> bool:
    return any(module == f"dsk.components.{role}" for role in ROLES)


def is_core(module: str) -> bool:
    return within(module, "dsk.core")


def heavy_chain(module: str, seen: frozenset[str] = frozenset()) -> str | None:
    """How `module` comes to import a heavy library at its top level; None if it does not."""
    for name in sorted(imports(MODULES[module], top_only=True)):
        if name.split(".")[0] in HEAVY:
            return f"{module} -> {name}"
        if name in MODULES and name not in seen and name != module:
            chain = heavy_chain(name, seen | {module})
            if chain:
                return f"{module} -> {chain}"
    return None


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_core_imports_only_rooms_below_it(room):
    above = [f"dsk.core.{other}" for other in ROOMS if other not in (room, *ROOMS[room])]
    assert offences(f"dsk.core.{room}", *above, "dsk.core.rounds") == []


def test_every_folder_of_core_is_a_room():
    folders = {path.parent.name for path in (PACKAGE / "core").glob("*/__init__.py")}
    assert folders == {*ROOMS, "roles", "spec"}


def test_the_search_imports_no_torch_even_inside_functions():
    sampling = [module for module in MODULES if within(module, "dsk.core.sampling", "dsk.core.seeding")]
    assert [(m, n) for m in sampling for n in imports(MODULES[m]) if n.split(".")[0] in HEAVY] == []


def test_import_dsk_validating_and_help_load_no_torch():
    """In a fresh interpreter: the package, the registry, a spec, and every help text."""
    program = """
import sys
import dsk
from dsk.core.plugins.registry import load_registry
from dsk.cli.app import app
from typer.testing import CliRunner
spec = dsk.load_spec("examples/quickstart.json")
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print([name for name in ("torch", "transformers", "sympy", "scipy", "pyarrow", "matplotlib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_forbidden_import_would_be_seen(tmp_path):
    """The reader of imports itself: nested, aliased, and type-checking ones."""
    file = tmp_path / "module.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
        "from dsk.core.sampling import search_tree as t\ndef f():\n    import vllm\n"
    )
    assert imports(file) == {"typing", "dsk.core.sampling.search_tree", "vllm"}
    assert imports(file, top_only=True) == {"typing", "dsk.core.sampling.search_tree"}
