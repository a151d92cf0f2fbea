"""`dsk doctor`."""

from __future__ import annotations

import os

from rich.console import Console
from rich.table import Table


def print_doctor() -> None:
    """Print versions, devices, and what each engine lacks."""
    import torch

    from dsk.core.folder import versions
    from dsk.core.registry import load_registry
    from dsk.core.threads import describe

    registry = load_registry()
    table = Table("What", "Found", box=None)
    for name, version in versions().items():
        table.add_row(name, version)
    table.add_row("CPU threads", describe(torch.get_num_threads(), os.cpu_count()))
    table.add_row("CUDA", torch.cuda.get_device_name() if torch.cuda.is_available() else "none")
    for kind in registry.kinds("engine"):
        engine = registry.get("engine", kind)
        fields = engine.model_fields.values()
        missing = None if any(f.is_required() for f in fields) else engine().missing()  # pyright: ignore[reportAttributeAccessIssue]
        table.add_row(f"engine {kind}", missing or "ready")
    Console().print(table)
    for problem in registry.problems:
        Console(stderr=True).print(problem, markup=False)
