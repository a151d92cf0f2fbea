"""`dsk plugins new`: a package with one component, its contract test and a README, made from templates."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from dsk import __version__
from dsk.core.component import did_you_mean
from dsk.core.errors import SpecError
from dsk.core.plugins.registry import load_registry
from dsk.core.roles import role_names

PLACES = {
    "rollout": "rollout",
    "fork": "rollout.fork",
    "selector": "rollout.selector",
    "boundary": "rollout.boundary",
    "backup": "rollout.backup",
    "negative": "rollout.negative",
    "subset": "train.subset",
    "advantage": "train.advantage",
    "adjustment": "train.adjustments",
    "loss": "train.loss",
    "verifier": "verifier",
    "scorer": "scorer",
    "filter": "filter",
    "cache": "cache",
    "engine": "engine",
    "task": "task",
    "tracker": "trackers",
}
"""Where a spec names a component of the role."""
HOLDERS: dict[str, dict[str, object]] = {"fork": {"kind": "branch"}}
"""What the part around it says besides, where that is not the part's default kind."""
LISTED = ("adjustment", "tracker")
"""Roles of which a spec has a list."""


def write_package(name: str, role: str, parent: Path) -> Path:
    """Write `parent/name`; returns it. Raises SpecError for a bad name, an unknown role or a folder in the way."""
    if role not in PLACES:
        roles = list(role_names())
        raise SpecError(f"--role {role}: unknown role; allowed: {', '.join(roles)}{did_you_mean(role, roles)}")
    words = template_words(name, role)
    taken = load_registry().entries.get((role, words["kind"]))
    if taken:
        raise SpecError(
            f"{name}: {role} '{words['kind']}' is already registered by '{taken.distribution}'; rename yours"
        )
    folder = parent / name
    module = words["module"]
    contents = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{module}.py": f"{role}.py",
        f"tests/test_{module}.py": f"{role}_test.py",
    }
    try:
        (folder / "tests").mkdir(parents=True)
    except FileExistsError:
        raise SpecError(f"{folder}: there already; choose another name or remove it") from None
    for target, template in contents.items():
        (folder / target).write_text(render(template, words), encoding="utf-8")
    return folder


def template_words(name: str, role: str) -> dict[str, str]:
    """What the templates' placeholders stand for. Raises SpecError where `name` is no distribution name."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise SpecError(f"{name}: a plugin's name is lower-case words joined by '-', such as dsk-thompson")
    kind = name.removeprefix("dsk-").removesuffix(f"-{role}").replace("-", "_")
    value: object = [{"kind": kind}] if role in LISTED else {"kind": kind}
    place, _, inner = PLACES[role].rpartition(".")
    holder = {**HOLDERS.get(role, {}), inner: value}
    example: object = holder
    for part in reversed(place.split(".") if place else []):
        example = {part: example}
    setting = f"{PLACES[role]}.kind={kind}"
    if role in LISTED:
        setting = f"{PLACES[role]}='{json.dumps(value)}'"
    if role in HOLDERS:
        setting = f"{place}='{json.dumps(holder)}'"
    major, minor, *_ = __version__.split(".")
    return {
        "name": name,
        "role": role,
        "kind": kind,
        "module": name.replace("-", "_"),
        "class_name": "".join(word.capitalize() for word in kind.split("_")),
        "spec_example": json.dumps(example),
        "set_example": setting,
        "dsk_version": f"{major}.{minor}",
        "dsk_next": f"{major}.{int(minor) + 1}",
    }


def render(template: str, words: dict[str, str]) -> str:
    """A template with its placeholders filled in."""
    text = (files("dsk.cli") / "templates" / f"{template}.tmpl").read_text(encoding="utf-8")
    return Template(text).substitute(words)
