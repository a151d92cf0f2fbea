"""One HTML file out of data and the bundled scripts; it opens from disk and asks no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

SCRIPT, STYLE = "dsk.js", "dsk.css"
ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{style}
</head>
<body>
<div id="root"></div>
<noscript>This page draws itself by a script; allow scripts for it.</noscript>
<script type="application/json" id="data">{data}</script>
{script}
</body>
</html>
"""


def page_html(title: str, data: Mapping[str, Any], asks_origin: bool = False) -> str:
    """The whole page. `data["page"]` names what is drawn (`web/src/main.tsx`); NaN and infinities are written as null.

    Whatever text the data holds stays text: it is escaped for a script element, and the page's policy runs nothing but
    the bundle (by its hash). `asks_origin` lets the page ask the server that it came from, which a file has none of.
    """
    parts = {"style": f"<style>{_static(STYLE)}</style>", "script": f"<script>{_static(SCRIPT)}</script>"}
    return _shell(title, data, page_policy(asks_origin), parts)


def page_policy(asks_origin: bool = False) -> str:
    """The Content-Security-Policy of a page with the bundle in it."""
    digest = base64.b64encode(hashlib.sha256(_static(SCRIPT).encode()).digest()).decode()
    return _policy(f"script-src 'sha256-{digest}'; style-src 'unsafe-inline'" + "; connect-src 'self'" * asks_origin)


def linked_page_html(title: str, data: Mapping[str, Any]) -> str:
    """The page without the bundle, for a site of many pages: `SCRIPT` and `STYLE` of this package lie beside it.

    Its policy runs scripts of its own origin only, and none that is written into the page.
    """
    parts = {"style": f'<link rel="stylesheet" href="{STYLE}">', "script": f'<script src="{SCRIPT}"></script>'}
    return _shell(title, data, _policy("script-src 'self'; style-src 'self' 'unsafe-inline'"), parts)


def _policy(sources: str) -> str:
    return f"default-src 'none'; {sources}; img-src data: blob:"


def _shell(title: str, data: Mapping[str, Any], policy: str, parts: Mapping[str, str]) -> str:
    return SHELL.format(policy=policy, title=html.escape(title), data=json_text(data), **parts)


def json_text(data: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(ESCAPES)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def _static(name: str) -> str:
    return files("dsk.web").joinpath("static", name).read_text(encoding="utf-8")
