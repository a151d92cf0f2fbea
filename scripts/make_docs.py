"""Write what comes from docstrings: `docs/roles/*.md`, `docs/cli.md`, and the roles' lines of `mkdocs.yml`.

`python scripts/make_docs.py` writes them; `tests/unit/test_docs.py` fails where one is out of date. Only the built-ins
are described, whatever plugins are installed. What it leaves out: private names, and the contract of a suite beyond
the names of its tests.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import typer

import dsk
from dsk import testing
from dsk.cli.app import app
from dsk.core import roles
from dsk.core.component import Component
from dsk.core.hookspecs import hook_name, hook_of
from dsk.core.places import places
from dsk.core.plugins.registry import Registry, build_registry

DOCS = Path(__file__).parents[1] / "docs"
MKDOCS = DOCS.parent / "mkdocs.yml"
LIMITS = {"ge": ">= {}", "gt": "> {}", "le": "<= {}", "lt": "< {}", "multiple_of": "multiple of {}"}
WRITTEN = "<!-- Written by scripts/make_docs.py from the docstrings; edit those. -->\n"


def pages() -> dict[str, str]:
    """Every generated page: its path below `docs/` and its text."""
    registry = build_registry(())
    made = {f"roles/{role.role}.md": role_page(role, registry) for role in roles.ROLES}
    return {**made, "roles/index.md": roles_page(registry), "cli.md": cli_page()}


def roles_page(registry: Registry) -> str:
    """The table of roles."""
    place = places(registry)
    rows = [
        [
            f"[{role.role}]({role.role}.md)",
            f"`{place[role.role].path}`",
            first_line(role),
            ", ".join(f"`{kind}`" for kind in registry.kinds(role.role)),
        ]
        for role in roles.ROLES
    ]
    text = "Everything exchangeable is a component of one of these roles. A spec names one by its kind.\n"
    return f"{WRITTEN}# Roles\n\n{text}\n" + table(["Role", "In a spec", "What it does", "Built-in kinds"], rows)


def role_page(role: type[Component], registry: Registry) -> str:
    """One role: how it is named, what one implements, what its suite checks, the built-ins."""
    name, article = role.role, "an" if role.role[0] in "aeiou" else "a"
    place = places(registry)[name]
    default = f"`{role.default_kind}`" if role.default_kind else "none, a spec must name one"
    facts = [
        ["in a spec", f"`{place.path}`" + (" (a list)" if place.listed else "")],
        ["default", "none" if place.listed else default],
        ["base class", f"`dsk.{role.__name__}`"],
        ["hook", f"`{hook_name(role)}(register)`: {prose(hook_of(role))}"],
        ["contract suite", f"`dsk.testing.{role.__name__}Contract`"],
        ["a package of your own", f"`dsk plugins new my-{name} --role {name}`"],
    ]
    parts = [
        f"{WRITTEN}# {role.__name__}\n\n{prose(role)}\n",
        table(["", ""], facts),
        f"## What {article} {name} implements\n",
        *members(role),
        *(record_section(record) for record in role.records),
        "## What the suite checks\n",
        bullets(claims(getattr(testing, f"{role.__name__}Contract"))),
        "## Built-in kinds\n",
        *(component_section(component) for component in registry.classes(name)),
    ]
    return "\n".join(parts)


def component_section(component: type[Component]) -> str:
    """A built-in: its documentation and its fields."""
    source = component.__module__.replace(".", "/") + ".py"
    heading = f"### `{component.kind}`\n\n{prose(component)}\n\nSource: `{source}`\n"
    rows = [
        [f"`{name}`", allowed(info), default_of(info), info.description or ""]
        for name, info in component.model_fields.items()
    ]
    return heading + ("\n" + table(["Field", "Type", "Default", "Meaning"], rows) if rows else "\nNo fields.\n")


def members(role: type[Component]) -> Iterator[str]:
    """The role's own methods, properties and documented class variables."""
    notes = variable_notes(role)
    for name, value in vars(role).items():
        if (name.startswith("_") and name != "__call__") or name in (
            "role",
            "plural",
            "records",
            "kind",
            "default_kind",
            "model_config",
            "model_fields",
        ):
            continue
        function = value.fget if isinstance(value, property) else value
        if inspect.isfunction(function):
            yield member(name, function, isinstance(value, property))
        elif name in notes and name != "default_kind":
            yield f"```python\n{name} = {value!r}\n```\n\n{notes[name]}\n"


def member(name: str, function: Any, is_property: bool) -> str:
    """A method's signature and documentation."""
    must = "" if getattr(function, "__isabstractmethod__", False) else " (optional)"
    decorator = "@property\n" if is_property else ""
    return f"```python\n{decorator}def {name}{signature(function)}: ...\n```\n\n{prose(function)}{must}\n"


def signature(function: Any) -> str:
    """`(self, x: int) -> float`, the annotations as they are written."""
    found = inspect.signature(function)
    parts = [n if n == "self" else f"{n}: {p.annotation}" for n, p in found.parameters.items()]
    return f"({', '.join(parts)}) -> {found.return_annotation}"


def record_section(name: str) -> str:
    """A record or an open component: its documentation and its methods."""
    record = getattr(dsk, name)
    own = [(n, f.fget if isinstance(f, property) else f) for n, f in vars(record).items() if not n.startswith("_")]
    rows = [
        [f"`{n}`" if isinstance(vars(record)[n], property) else f"`{n}{short(f)}`", prose(f)]
        for n, f in own
        if inspect.isfunction(f)
    ]
    fields = [f"`{n}`" for n in getattr(record, "__dataclass_fields__", {})]
    listed = f"\nFields: {', '.join(fields)}.\n" if fields else ""
    return f"### `dsk.{name}`\n\n{prose(record)}\n{listed}" + ("\n" + table(["", ""], rows) if rows else "")


def short(function: Any) -> str:
    """`(items)`: the names of a method's arguments."""
    return "(" + ", ".join(name for name in inspect.signature(function).parameters if name != "self") + ")"


def variable_notes(role: type) -> dict[str, str]:
    """The string below each class variable, which Python does not keep."""
    body = ast.parse(inspect.getsource(role)).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        a.target.id: " ".join(str(b.value.value).split())
        for a, b in zip(body.body, body.body[1:], strict=False)
        if isinstance(a, ast.AnnAssign) and isinstance(a.target, ast.Name)
        if isinstance(b, ast.Expr) and isinstance(b.value, ast.Constant)
    }


def claims(suite: type) -> list[str]:
    """The suite's tests as sentences."""
    names = {name: None for base in reversed(suite.__mro__) for name in vars(base) if name.startswith("test_")}
    return [name.removeprefix("test_").replace("_", " ") for name in names]


def allowed(info: Any) -> str:
    """A field's type and its bounds, in words."""
    kind = type_name(info.annotation)
    bounds = [text.format(getattr(m, name)) for m in info.metadata for name, text in LIMITS.items() if hasattr(m, name)]
    return " ".join([kind, ", ".join(bounds)]).strip()


def type_name(annotation: Any) -> str:
    """`'a'`, `'b'` for a Literal, `number or null` for a union, a class's name otherwise."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_name(parts[0])
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(type_name, parts))
    if origin in (tuple, list) and parts:
        return f"list of {type_name(parts[0])}"
    if annotation is type(None):
        return "null"
    words = {float: "number", int: "integer", str: "text", bool: "true or false", dict: "object"}
    return words.get(origin or annotation, getattr(annotation, "__name__", str(annotation)))


def default_of(info: Any) -> str:
    """The default as JSON."""
    if info.is_required():
        return "required"
    return f"`{json.dumps(info.get_default(call_default_factory=True), default=str)}`"


def cli_page() -> str:
    """Every command, from its own help."""
    root: Any = typer.main.get_command(app)
    sections = [command_section(f"dsk {name}", command) for name, command in walk(root)]
    return f"{WRITTEN}# Commands\n\n{root.help}\n\n{root.epilog}\n\n" + "\n".join(sections)


def walk(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(name, command) of every command, those of groups after the group's name."""
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from walk(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def command_section(name: str, command: Any) -> str:
    """A command: usage, help, arguments and options."""
    shown = [p for p in command.params if not p.hidden and p.name != "help"]
    arguments = " ".join(argument_name(p) for p in shown if not p.opts[0].startswith("-"))
    options = " [OPTIONS]" if any(p.opts[0].startswith("-") for p in shown) else ""
    rows = [[parameter_name(p), p.help or "", parameter_default(p)] for p in shown]
    usage = f"```text\n{name}{options}{' ' + arguments if arguments else ''}\n```\n"
    return f"## {name}\n\n{usage}\n{flow(command.help)}\n" + ("\n" + table(["", "", "Default"], rows) if rows else "")


def argument_name(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name.upper()) + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def parameter_name(parameter: Any) -> str:
    if not parameter.opts[0].startswith("-"):
        return f"`{argument_name(parameter)}`"
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    metavar = f" {parameter.metavar or parameter.name.upper()}" if not parameter.is_flag else ""
    return f"`{names}{metavar}`"


def parameter_default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default is True:
        return f"`{parameter.opts[0]}`"
    empty = parameter.default is None or parameter.default is False or parameter.default == ()
    return "" if empty else f"`{getattr(parameter.default, 'value', parameter.default)}`"


def prose(thing: Any) -> str:
    """A docstring as Markdown."""
    return flow(inspect.getdoc(thing) or "")


def flow(text: str) -> str:
    """Paragraphs on one line each, so that a line's start never looks like a list or a heading."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def first_line(thing: Any) -> str:
    return prose(thing).split("\n\n")[0]


def bullets(lines: list[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def navigation(text: str) -> str:
    """mkdocs.yml with a line for every role, in their order."""
    before, rest = text.split("  - Components:\n")
    after = rest[rest.index("  - Reference:\n") :]
    lines = "".join(f"      - {role}: roles/{role}.md\n" for role in roles.role_names())
    return f"{before}  - Components:\n      - roles/index.md\n{lines}{after}"


def main() -> None:
    """Write the pages that changed, and their places in the site's navigation."""
    MKDOCS.write_text(navigation(MKDOCS.read_text(encoding="utf-8")), encoding="utf-8")
    for name, text in pages().items():
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
