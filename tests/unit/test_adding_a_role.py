"""The list of roles is written once: a role that is in `ROLES` is everywhere, and CONTRIBUTING.md names what it takes.

The role, its kind and its suite are defined here; the spec gets a field for it, as a contributor would add one.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import Field

import dsk
from dsk.cli.scaffold import write_package
from dsk.core import roles
from dsk.core.component import Component, default_part
from dsk.core.errors import PluginError, SpecError
from dsk.core.loading import parse_spec
from dsk.core.places import Place, placed, places
from dsk.core.plugins.registry import Registry, build_registry, load_registry, register_plugin
from dsk.core.schema import spec_schema
from dsk.core.spec import RunSpec
from dsk.testing.component import ComponentContract

ROOT = Path(__file__).parents[2]


class Jury(Component, ABC):
    """Says how much a response is worth to several readers."""

    role: ClassVar[str] = "jury"
    plural: ClassVar[str] = "juries"
    records: ClassVar[tuple[str, ...]] = ("Verdict",)
    default_kind: ClassVar[str | None] = "strict"

    @abstractmethod
    def worth(self, texts: list[str], strict: bool = True) -> list[float]:
        """A number for each text."""


class Strict(Jury):
    """Counts readers."""

    kind: ClassVar[str] = "strict"
    readers: int = Field(default=3, ge=1, description="Readers.")

    def worth(self, texts: list[str], strict: bool = True) -> list[float]:
        return [float(self.readers)] * len(texts)


class JuryContract(ComponentContract):
    """What every jury promises."""

    def test_every_text_gets_a_number(self) -> None:
        """Of whatever size."""


class SpecWithJury(RunSpec):
    jury: Jury = default_part(Jury)


@dsk.hookimpl
def register_juries(register: dsk.Register) -> None:
    register(Strict)


def module(name: str, **parts: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(parts)
    return made


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Any:
    """dsk with one more role: its line in `ROLES`, its field in the spec, its folder and its suite."""
    original = roles.ROLES
    for loaded in [m for name, m in sys.modules.items() if name.split(".")[0] == "dsk"]:
        if vars(loaded).get("ROLES") is original:
            monkeypatch.setattr(loaded, "ROLES", (*original, Jury))
        if vars(loaded).get("RunSpec") is RunSpec:
            monkeypatch.setattr(loaded, "RunSpec", SpecWithJury)
    suites = importlib.import_module("dsk.testing")
    monkeypatch.setattr(suites, "JuryContract", JuryContract, raising=False)
    monkeypatch.setitem(sys.modules, "dsk.components.juries", module("juries", register_juries=register_juries))
    load_registry.cache_clear()
    yield load_registry()
    load_registry.cache_clear()


def test_the_registry_asks_the_roles_folder_and_knows_its_kinds(registry: Registry) -> None:
    assert registry.kinds("jury") == ["strict"]
    assert build_registry(()).get("jury", "strict") is Strict


def test_a_plugin_registers_by_the_roles_hook_and_learns_its_name_from_a_slip(registry: Registry) -> None:
    class Lenient(Strict):
        """Counts friends."""

        kind: ClassVar[str] = "lenient"

    def hook(register: dsk.Register) -> None:
        register(Lenient)

    register_plugin(registry, module("x", register_juries=dsk.hookimpl(hook)), "dsk-x", "1")
    assert registry.kinds("jury") == ["lenient", "strict"]
    with pytest.raises(PluginError, match="register_jurys is not a hook; did you mean 'register_juries'"):
        register_plugin(registry, module("y", register_jurys=dsk.hookimpl(hook)), "dsk-y", "1")
    with pytest.raises(PluginError, match=r"register_juries got int, which is not a subclass of dsk\.Jury"):
        register_plugin(registry, module("z", register_juries=dsk.hookimpl(lambda register: register(int))), "z", "1")


def test_a_spec_names_it_and_says_what_there_is(registry: Registry) -> None:
    data = {"name": "n", "model": {"path": "p"}, "task": {"kind": "arithmetic"}}
    parts = dict(placed(parse_spec({**data, "jury": {"kind": "strict", "readers": 5}}, "spec")))
    assert parts["jury"] == Strict(readers=5)
    assert dict(placed(parse_spec(data, "spec")))["jury"] == Strict()
    with pytest.raises(SpecError, match="jury: unknown jury 'strickt'; allowed: strict; did you mean 'strict'"):
        parse_spec({**data, "jury": "strickt"}, "spec")


def test_its_place_follows_from_the_specs_fields(registry: Registry) -> None:
    assert places(registry)["jury"] == Place("jury")
    assert list(places(registry)) == list(roles.role_names())


def test_the_schema_offers_its_kinds_with_their_fields(registry: Registry) -> None:
    schema = spec_schema(registry)
    assert schema["properties"]["jury"]["$ref"] == "#/$defs/jury"
    assert schema["$defs"]["jury.strict"]["properties"]["readers"]["minimum"] == 1


def test_the_scaffold_writes_a_package_though_the_role_has_no_template(registry: Registry, tmp_path: Path) -> None:
    folder = write_package("dsk-fair-jury", "jury", tmp_path)
    text = (folder / "dsk_fair_jury.py").read_text()
    ast.parse(text)
    assert "def worth(self, texts: list[str], strict: bool = True) -> list[float]:" in text
    found: dict[str, Any] = {}
    exec(compile(text.replace("dsk.Jury", "Jury"), "written", "exec"), {"Jury": Jury}, found)
    assert (found["Fair"].kind, found["Fair"].__abstractmethods__) == ("fair", frozenset())
    assert "register_juries" in found
    assert "class TestFair(JuryContract):" in (folder / "tests/test_dsk_fair_jury.py").read_text()
    assert '{"jury": {"kind": "fair"}}' in (folder / "README.md").read_text()
    with pytest.raises(SpecError, match=r"--role jurry: unknown role; allowed: rollout, .*, jury; did you mean 'jury'"):
        write_package("dsk-other", "jurry", tmp_path)


def test_the_documentation_has_its_page_its_row_and_its_line_in_the_navigation(registry: Registry) -> None:
    make_docs = docs_module()
    pages = make_docs.pages()
    page = pages["roles/jury.md"]
    for told in ("# Jury", "`register_juries(register)`", "def worth(", "every text gets a number", "`readers`"):
        assert told in page
    assert "### `dsk.Verdict`" in page
    assert "| [jury](jury.md) | `jury` | Says how much" in pages["roles/index.md"]
    assert "      - jury: roles/jury.md\n" in make_docs.navigation(make_docs.MKDOCS.read_text())


def docs_module() -> Any:
    spec = importlib.util.spec_from_file_location("make_docs_with_jury", ROOT / "scripts" / "make_docs.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("role", roles.ROLES, ids=lambda role: role.role)
def test_every_role_has_a_place_a_folder_a_suite_and_public_names(role: type[Component]) -> None:
    assert role.role in places(load_registry())
    assert (ROOT / "dsk" / "components" / role.plural / "__init__.py").is_file()
    suites = importlib.import_module("dsk.testing")
    assert issubclass(getattr(suites, f"{role.__name__}Contract"), ComponentContract)
    assert all(hasattr(dsk, name) for name in (role.__name__, *role.records))


def test_contributing_names_at_most_six_files_for_a_role() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text[text.index("## Add a role") :].split("\n## ")[0]
    files = [line for line in section.splitlines() if line[:2] in {f"{n}." for n in range(1, 10)}]
    assert 0 < len(files) <= 6


def test_the_roles_are_listed_nowhere_else() -> None:
    """No other file of dsk or of its scripts has more than half of the roles' names between quotes."""
    names, found = list(roles.role_names()), list[str]()
    for path in [*(ROOT / "dsk").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        text = path.read_text()
        listed = [name for name in names if f'"{name}"' in text or f'"{name}s"' in text]
        if len(listed) > len(names) // 2:
            found.append(str(path.relative_to(ROOT)))
    assert set(found) <= {"dsk/core/spec/run.py"}


def test_the_example_of_a_place_is_a_spec_that_names_the_kind() -> None:
    from dsk.cli.scaffold import template_words

    for role in roles.ROLES:
        words = template_words("dsk-x", role.role)
        assert '"kind": "x"' in words["spec_example"]
        assert isinstance(json.loads(words["spec_example"]), dict)
