"""Where plugins come from: the entry points of the installed distributions, and how one is imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from dsk.core.errors import PluginError

DISTRIBUTION = "deepsearch-kit"


@dataclass(frozen=True)
class Source:
    """An entry point of the group `dsk`, and the distribution that has it."""

    point: EntryPoint
    distribution: str
    version: str
    needs: SpecifierSet
    """The dsk versions that the distribution says it works with."""


def installed_sources() -> Iterable[Source]:
    """Every entry point of the group `dsk`, by distribution; of two copies of one, the first on the path counts."""
    found: dict[str, list[Source]] = {}
    for dist in distributions():
        points = [point for point in dist.entry_points if point.group == "dsk"]
        if points and canonicalize_name(dist.name) not in found:
            needs = _needs(dist.requires or [])
            found[canonicalize_name(dist.name)] = [Source(p, dist.name, dist.version, needs) for p in points]
    return [source for name in sorted(found) for source in found[name]]


def silent_distributions() -> list[str]:
    """Distributions that need dsk and have no entry point of the group `dsk`: a toml that lacks it, or a mere user."""
    found = {
        dist.name
        for dist in distributions()
        if any(canonicalize_name(Requirement(need).name) == DISTRIBUTION for need in dist.requires or [])
        and not any(point.group == "dsk" for point in dist.entry_points)
    }
    return sorted(found)


def _needs(requirements: Iterable[str]) -> SpecifierSet:
    parsed = map(Requirement, requirements)
    return next((r.specifier for r in parsed if canonicalize_name(r.name) == DISTRIBUTION), SpecifierSet())


def load_source(source: Source) -> object:
    """Import a plugin. Raises PluginError with the reason in one line."""
    from dsk import __version__

    name = f"plugin '{source.distribution}' {source.version}"
    if not source.needs.contains(__version__, prereleases=True):
        raise PluginError(
            f"{name} needs {DISTRIBUTION}{source.needs}, and {__version__} is installed;"
            f" upgrade one of the two: pip install -U {DISTRIBUTION} {source.distribution}"
        )
    try:
        return source.point.load()
    except (Exception, SystemExit) as error:
        fault = one_line(error)
        raise PluginError(f"{name} fails to import ({source.point.value}): {fault}; fix or uninstall it") from error


def one_line(error: BaseException) -> str:
    """An exception's class and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
