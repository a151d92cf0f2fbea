"""Top-level structure of a normal form: lists and their brackets, relations and their sides. Linear in the text."""

from __future__ import annotations

import re

_VECTOR = re.compile(r"matrix (?:1(?: 1)+|\d+)")
_PIECE = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_OPEN, _CLOSE = frozenset(("(", "[", "{", "\\{")), frozenset((")", "]", "}", "\\}"))
FLIPPED = {"=": "=", "\\ne": "\\ne", "<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}
_OTHERS = frozenset(
    r"""\equiv \approx \sim \simeq \cong \to \in \notin \subset \subseteq \supset \supseteq \perp \parallel
    \Rightarrow \Leftrightarrow \mapsto \ll \gg \prec \preceq \propto""".split()  # noqa: SIM905
)


def split(core: str) -> list[str]:
    """Pieces between top-level commas (or semicolons)."""
    return _cut(core, frozenset((",", ";")))[1]


def relation(core: str) -> tuple[list[str], list[str]]:
    """(operators, sides) at the top level; no operators and one side where it is not a relation."""
    return _cut(core, _RELATIONS)


_RELATIONS = _OTHERS | FLIPPED.keys()


def _cut(core: str, separators: frozenset[str]) -> tuple[list[str], list[str]]:
    """(separators found, pieces between them), outside all brackets."""
    found: list[str] = []
    pieces, depth, last = [], 0, 0
    for match in _PIECE.finditer(core):
        token = match[0]
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and token in separators:
            found.append(token)
            pieces.append(core[last : match.start()])
            last = match.end()
    return found, [*pieces, core[last:]]


def bracketed(core: str) -> tuple[str, str, list[str]] | None:
    r"""(opening, closing, elements) of `(..)`, `[..]`, `(..]`, `[..)` or `\{..\}` around the whole of `core`."""
    if not core.startswith(("(", "[", "\\{")) or not core.endswith((")", "]", "\\}")):
        return None
    parts = _PIECE.findall(core)
    depth = 0
    for index, part in enumerate(parts):
        depth += (part in _OPEN) - (part in _CLOSE)
        if depth == 0 and index < len(parts) - 1:
            return None
    inside = "".join(parts[1:-1])
    return (parts[0], parts[-1], split(inside)) if inside else None


def matrix(core: str) -> list[list[str]] | None:
    r"""Rows of entries where `core` is one matrix; None for anything else."""
    begin, end = "\\begin{pmatrix}", "\\end{pmatrix}"
    if not core.startswith(begin) or not core.endswith(end) or core.count("\\begin{") != 1:
        return None
    rows = _cut(core[len(begin) : -len(end)], frozenset(("\\\\",)))[1]
    if not rows[-1]:
        rows.pop()
    return [_cut(row, frozenset("&"))[1] for row in rows]


def elements(core: str) -> tuple[str, list[str]] | None:
    """(brackets, elements) of a list of at least one element in brackets, or of two without.

    A matrix is a list whose brackets tell its shape; a set of several elements is a list without brackets, as which it
    is often written. None for anything else.
    """
    found = bracketed(core)
    if found:
        brackets = found[0] + found[1]
        return "" if brackets == "\\{\\}" and len(found[2]) > 1 else brackets, found[2]
    rows = matrix(core)
    if rows:
        return f"matrix {' '.join(str(len(row)) for row in rows)}", [entry for row in rows for entry in row]
    pieces = split(core)
    return ("", pieces) if len(pieces) > 1 else None


def in_one_order(left: str, right: str) -> bool:
    """Whether lists in such unlike brackets are the same where their elements are, in their order.

    `1, 2` and a row or column of a matrix stand for the tuple `(1,2)`.
    """
    return "()" in (left, right) and any(kind == "" or _VECTOR.fullmatch(kind) for kind in (left, right))


def is_unordered(brackets: str) -> bool:
    """Whether order does not matter: sets, and bare lists such as `1, 2`."""
    return brackets in ("", "\\{\\}")
