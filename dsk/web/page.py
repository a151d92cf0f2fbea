"""One HTML file out of data and the bundled scripts; it opens from disk and asks no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="root"></div>
<noscript>This page draws itself by a script; allow scripts for it.</noscript>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def page_html(title: str, data: Mapping[str, Any], asks_origin: bool = False) -> str:
    """The whole page. `data["page"]` names what is drawn (`web/src/main.tsx`); NaN and infinities are written as null.

    Whatever text the data holds stays text: it is escaped for a script element, and the page's policy runs nothing but
    the bundle (by its hash). `asks_origin` lets the page ask the server that it came from, which a file has none of.
    """
    script, style, policy = _static("dsk.js"), _static("dsk.css"), page_policy(asks_origin)
    return SHELL.format(policy=policy, title=html.escape(title), style=style, data=json_text(data), script=script)


def page_policy(asks_origin: bool = False) -> str:
    """The Content-Security-Policy of a page."""
    digest = base64.b64encode(hashlib.sha256(_static("dsk.js").encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:"
    return f"{policy}; connect-src 'self'" if asks_origin else policy


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
