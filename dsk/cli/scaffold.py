"""`dsk plugins new`: a package with one component, its contract test and a README, made from templates."""

from __future__ import annotations

import inspect
import json
import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from dsk import __version__
from dsk.core.component import did_you_mean
from dsk.core.errors import SpecError
from dsk.core.places import Place, places
from dsk.core.plugins.registry import load_registry
from dsk.core.roles import role_names, role_of


def write_package(name: str, role: str, parent: Path) -> Path:
    """Write `parent/name`; returns it. Raises SpecError for a bad name, an unknown role or a folder in the way."""
    roles = list(role_names())
    if role not in roles:
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
    base, kind = role_of(role), name.removeprefix("dsk-").removesuffix(f"-{role}").replace("-", "_")
    example, setting = _examples(places(load_registry())[role], kind)
    major, minor, *_ = __version__.split(".")
    return {
        "name": name,
        "role": role,
        "plural": base.plural,
        "base": base.__name__,
        "kind": kind,
        "module": name.replace("-", "_"),
        "class_name": "".join(word.capitalize() for word in kind.split("_")),
        "spec_example": example,
        "set_example": setting,
        "dsk_version": f"{major}.{minor}",
        "dsk_next": f"{major}.{int(minor) + 1}",
    }


def _examples(place: Place, kind: str) -> tuple[str, str]:
    """How a spec names the component, as JSON and as what follows `--set`."""
    value: object = [{"kind": kind}] if place.listed else {"kind": kind}
    around, _, name = place.path.rpartition(".")
    holder: dict[str, object] = {"kind": place.holder, name: value} if place.holder else {name: value}
    example: object = holder
    for part in reversed(around.split(".") if around else []):
        example = {part: example}
    setting = f"{place.path}={_quoted(value)}" if place.listed else f"{place.path}.kind={kind}"
    return json.dumps(example), f"{around}={_quoted(holder)}" if place.holder else setting


def _quoted(value: object) -> str:
    return f"'{json.dumps(value)}'"


def render(template: str, words: dict[str, str]) -> str:
    """A template with its placeholders filled in; that of any component where the role has none of its own."""
    folder = files("dsk.cli") / "templates"
    own = folder / f"{template}.tmpl"
    if not own.is_file():
        own = folder / f"{template.replace(words['role'], 'component', 1)}.tmpl"
        words = words | {"methods": _methods(words["role"])}
    return Template(own.read_text(encoding="utf-8")).substitute(words)


def _methods(role: str) -> str:
    """What a component of the role has to implement, with nothing in it."""
    base = role_of(role)
    methods = (getattr(base, name) for name in vars(base) if name in base.__abstractmethods__)
    return "\n\n".join(map(_method, methods))


def _method(method: Any) -> str:
    decorator = "    @property\n" if isinstance(method, property) else ""
    function: Any = method.fget if isinstance(method, property) else method
    signature = str(inspect.signature(function)).replace("'", "")
    summary = (inspect.getdoc(function) or "To be written.").splitlines()[0]
    head = f"    def {function.__name__}{signature}:\n"
    return f'{decorator}{head}        """{summary}"""\n        raise NotImplementedError'
