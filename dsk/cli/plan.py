"""The plan of `dsk run --dry-run`, as tables."""

from __future__ import annotations

from rich.table import Table

from dsk.cli.terminal import console
from dsk.core.plan import Plan


def print_plan(plan: Plan) -> None:
    """Print every part of the plan."""
    screen = console()
    sections = {
        "Components": plan.components,
        "Model": {k: f"{v:,}" for k, v in plan.sizes.items()},
        "Tokens": {k: f"{v:,}" for k, v in plan.tokens.items()},
        "Memory (estimate)": {k: f"{v / 2**30:,.2f} GiB" for k, v in plan.memory.items()},
    }
    for title, rows in sections.items():
        table = Table("", "", box=None, show_header=False, title=f"{plan.name}: {title}", title_justify="left")
        for name, value in rows.items():
            table.add_row(name, value)
        screen.print(table)
    screen.print("Missing here: " + ("nothing" if not plan.missing else ""))
    for line in plan.missing:
        screen.print(f"  - {line}", soft_wrap=True)
