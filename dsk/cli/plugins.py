"""`dsk plugins`, `dsk schema`, `dsk explain`: what can be named in a spec."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsk.core.errors import SpecError

if TYPE_CHECKING:
    from dsk.core.component import Component

WIDE = 200
"""Columns of a table that goes to a file or another program."""

plugins_app = typer.Typer(help="List and check components and the packages they come from.", no_args_is_help=True)


@plugins_app.command("list")
def list_plugins(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Every component: role, kind, one line, distribution, version."""
    from dsk.core.plugins.registry import build_registry

    registry = build_registry()
    rows = [
        {
            "role": role,
            "kind": kind,
            "summary": summary(entry.component),
            "distribution": entry.distribution,
            "version": entry.version,
        }
        for (role, kind), entry in sorted(registry.entries.items())
    ]
    if as_json:
        typer.echo(json.dumps({"components": rows, "problems": registry.problems}, indent=2))
        return
    _print_rows(rows)
    for problem in registry.problems:
        typer.echo(problem, err=True)


def _print_rows(rows: list[dict[str, str]]) -> None:
    """One line a component; a summary that does not fit is cut."""
    from rich.table import Table

    from dsk.cli.terminal import console

    screen = console() if console().is_terminal else console(width=WIDE)
    widest = {name: max(len(text) for text in (name, *(row[name] for row in rows))) for name in rows[0]}
    spare = screen.width - sum(widest.values()) - 2 * len(widest)
    table = Table(box=None)
    for name, width in widest.items():
        fitting = max(20, min(width, width + spare)) if name == "summary" else width
        table.add_column(name.capitalize(), no_wrap=True, overflow="ellipsis", width=fitting)
    for row in rows:
        table.add_row(*row.values())
    screen.print(table)


@plugins_app.command("check")
def check_plugins() -> None:
    """Fail with one line for every plugin that cannot be used."""
    from dsk.core.plugins.registry import build_registry

    registry = build_registry()
    if registry.problems:
        raise SpecError(*registry.problems)
    typer.echo(f"{', '.join(dict.fromkeys(e.distribution for e in registry.entries.values()))}: all in order")


@plugins_app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="The distribution's name, e.g. dsk-thompson.", show_default=False)],
    role: Annotated[
        str, typer.Option(help="rollout, selector, boundary, backup, negative, advantage, loss, verifier, ...")
    ],
    folder: Annotated[Path, typer.Option(help="Where to put the package.")] = Path(),
) -> None:
    """Write a package with one component that installs, is listed, and passes its contract test."""
    from dsk.cli.scaffold import write_package

    written = write_package(name, role, folder)
    for file in sorted(path for path in written.rglob("*") if path.is_file()):
        typer.echo(str(file))
    typer.echo(f"Next: pip install -e {written}, dsk plugins list, pytest {written}")


def summary(component: type[Component]) -> str:
    """The first line of a component's docstring."""
    return (inspect.getdoc(component) or "").split("\n")[0]


def find_component(name: str) -> type[Component]:
    """`selector.frontier` or just `frontier`. Raises SpecError naming what there is."""
    from dsk.core.component import did_you_mean
    from dsk.core.plugins.registry import load_registry

    entries = load_registry().entries
    role, _, kind = name.rpartition(".")
    found = [entry.component for (r, k), entry in sorted(entries.items()) if k == kind and role in ("", r)]
    names = [f"{r}.{k}" for r, k in sorted(entries)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SpecError(f"'{name}' is ambiguous: {', '.join(f'{c.role}.{c.kind}' for c in found)}; name the role too")
    raise SpecError(f"no component '{name}'{did_you_mean(name, names)}; `dsk plugins list` shows all")


def complete_component(incomplete: str) -> list[str]:
    """The components whose `role.kind` goes on from what was typed, for the shell."""
    from dsk.core.plugins.registry import load_registry

    names = [f"{role}.{kind}" for role, kind in sorted(load_registry().entries)]
    return [name for name in names if name.startswith(incomplete)]


def schema(
    component: Annotated[
        str | None,
        typer.Option(help="Only this component, e.g. selector.frontier.", autocompletion=complete_component),
    ] = None,
) -> None:
    """Print the JSON Schema of specs, installed plugins included."""
    from dsk.core.plugins.registry import load_registry
    from dsk.core.schema import component_schema, spec_schema

    registry = load_registry()
    data = component_schema(find_component(component), registry) if component else spec_schema(registry)
    typer.echo(json.dumps(data, indent=2))


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="COMPONENT",
            help="A component, e.g. selector.frontier, or a role, e.g. selector.",
            autocompletion=complete_component,
        ),
    ],
) -> None:
    """Print a component's documentation and fields, or a role's components."""
    from dsk.core.roles import ROLES

    role = next((role for role in ROLES if role.role == name), None)
    if role is not None:
        _explain_role(role)
        return
    found = find_component(name)
    typer.echo(f"{found.role}.{found.kind}  ({found.__module__}.{found.__name__})\n")
    typer.echo(inspect.getdoc(found) or "")
    if found.model_fields:
        _print_fields(found)


def _explain_role(role: type[Component]) -> None:
    """What the role is for, where a spec names one, and what there is of it."""
    from dsk.core.places import places
    from dsk.core.plugins.registry import load_registry

    place = places(load_registry())[role.role]
    typer.echo(f"{role.role}, named in a spec at {place.path}\n\n{inspect.getdoc(role)}\n")
    components = load_registry().classes(role.role)
    width = max((len(component.kind) for component in components), default=0)
    for component in components:
        default = " (default)" if component.kind == role.default_kind else ""
        typer.echo(f"  {component.kind:<{width}}  {summary(component)}{default}")
    typer.echo(f"\n`dsk explain {role.role}.KIND` prints the fields of one.")


def _print_fields(component: type[Component]) -> None:
    from rich.table import Table

    from dsk.cli.terminal import console

    table = Table("Field", "Default", "Meaning", box=None)
    for name, info in component.model_fields.items():
        default = (
            "required" if info.is_required() else json.dumps(info.get_default(call_default_factory=True), default=str)
        )
        table.add_row(name, default, info.description or "")
    typer.echo()
    console().print(table)
