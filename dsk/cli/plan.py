"""The plan of `dsk run --dry-run`, as tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from dsk.core.plan import Plan


def print_plan(plan: Plan) -> None:
    """Print every part of the plan."""
    console = Console()
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
        console.print(table)
    console.print("Missing here: " + ("nothing" if not plan.missing else ""), markup=False)
    for line in plan.missing:
        console.print(f"  - {line}", markup=False, soft_wrap=True)
