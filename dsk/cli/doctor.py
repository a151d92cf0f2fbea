"""`dsk doctor`."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dsk.cli.terminal import console
from dsk.core.plugins.registry import Registry


def print_doctor() -> None:
    """Print versions, devices, and what engines and packaged models lack; one line each, commands whole."""
    from dsk.core.plugins.registry import load_registry

    registry = load_registry()
    rows = list(_rows(registry))
    width = max(len(name) for name, _ in rows)
    screen = console(soft_wrap=True)
    for name, found in rows:
        screen.print(f"{name:<{width}}  {found}")
    for problem in registry.problems:
        console(stderr=True, soft_wrap=True).print(problem)


def _rows(registry: Registry) -> Iterator[tuple[str, str]]:
    import torch

    from dsk.core.model.source import PACKAGES, missing_packages
    from dsk.core.model.threads import describe
    from dsk.core.run.folder import versions

    yield from versions().items()
    yield "CPU threads", describe(torch.get_num_threads(), os.cpu_count())
    yield "CUDA", torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    for kind in registry.kinds("engine"):
        engine = registry.get("engine", kind)
        needs_fields = any(field.is_required() for field in engine.model_fields.values())
        missing = None if needs_fields else engine().missing()  # pyright: ignore[reportAttributeAccessIssue]
        yield f"engine {kind}", missing or "ready"
    for name in PACKAGES:
        yield f"model package:{name}", missing_packages(name) or "ready"
