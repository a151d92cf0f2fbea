"""Pieces of HTML for a notebook: tables that take the page's colours, escaped, without script or style sheet."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dsk.core.input.faults import printable

LINE = "1px solid rgba(128, 128, 128, 0.35)"
CELL = "padding:2px 10px;vertical-align:top;"
TONES = {"right": "#2f9e6e", "wrong": "#d9594c", "dim": "#868686"}
"""Colours that can be read on white and on black; each has a word beside it."""


@dataclass(frozen=True)
class Cell:
    """One cell's text; `tone` is one of `TONES`, `indent` in steps of a tree."""

    text: str
    bold: bool = False
    tone: str = ""
    indent: int = 0


def escape(text: str) -> str:
    """Text for HTML: control, bidirectional and lone surrogate characters are shown as escapes."""
    return html.escape(printable(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Cell]], left: int = 1) -> str:
    """A table; the first `left` columns are words, the others figures."""
    head = "".join(_cell(Cell(text, bold=True), "th", column >= left) for column, text in enumerate(heads))
    lines = "".join(f"<tr>{_row(row, left)}</tr>" for row in rows)
    shown = f"<thead><tr style='border-bottom: {LINE}'>{head}</tr></thead>" if heads else ""
    return f"<table style='border-collapse: collapse; margin: 6px 0'>{shown}<tbody>{lines}</tbody></table>"


def _row(row: Sequence[str | Cell], left: int) -> str:
    cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row]
    return "".join(_cell(cell, "td", column >= left) for column, cell in enumerate(cells))


def _cell(cell: Cell, tag: str, figure: bool) -> str:
    style = CELL + f"text-align:{'right' if figure else 'left'};font-weight:{'600' if cell.bold else 'normal'};"
    style += f"color:{TONES[cell.tone]};" if cell.tone else ""
    style += f"padding-left:{10 + 14 * cell.indent}px;" if cell.indent else ""
    return f"<{tag} style='{style}'>{escape(cell.text)}</{tag}>"


def block(title: str, *parts: str, notes: Iterable[str] = ()) -> str:
    """A heading, parts that are HTML already, and notes that are text; as wide as its place, scrolling within it."""
    told = "".join(f"<div style='color: {TONES['dim']}'>{escape(note)}</div>" for note in notes)
    head = f"<div style='font-weight: 600'>{escape(title)}</div>" if title else ""
    return f"<div class='dsk' style='overflow-x: auto; max-width: 100%'>{head}{''.join(parts)}{told}</div>"


def paragraph(text: str) -> str:
    """A sentence."""
    return f"<div style='margin: 4px 0'>{escape(text)}</div>"


def picture(svg: str, described: str) -> str:
    """A drawing as an image: it brings no script, style or name into the page. `described` is its text."""
    data = base64.b64encode(svg.encode()).decode()
    return f"<img alt='{escape(described)}' style='max-width: 100%' src='data:image/svg+xml;base64,{data}'>"


@dataclass(frozen=True)
class Embedded:
    """A whole page in a notebook's cell, in a frame that cannot reach the notebook; `height` in pixels."""

    page: str
    height: int = 640

    def _repr_html_(self) -> str:
        frame = "width: 100%; border: " + LINE
        return (
            f"<iframe sandbox='allow-scripts' style='{frame}' height='{self.height}'"
            f' srcdoc="{html.escape(self.page)}"></iframe>'
        )


def progress_bar(share: float) -> str:
    """How much is done, 0 to 1."""
    return f"<progress value='{share:.3f}' max='1' style='width: 240px'>{share:.0%}</progress>"


def pairs(figures: Mapping[str, str]) -> str:
    """Names and figures, a line each."""
    return table((), [(Cell(name, tone="dim"), text) for name, text in figures.items()])
