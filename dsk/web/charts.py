"""Small drawings for a notebook, made by matplotlib, on no background and in colours for light and dark."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsk.core.input.faults import shortened

GREY, BLUE = "#868686", "#3d8fd1"
INCHES = (4.0, 2.4)
LONGEST = 60


@dataclass(frozen=True)
class Curve:
    """One curve: its name, points, and the ends of their intervals where there are any."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Interval:
    """A name with a value and the ends of its interval."""

    name: str
    mean: float
    low: float
    high: float


def curves_svg(curves: Sequence[Curve], across: str) -> str:
    """Curves beside one another over the same axis."""
    figure = _figure(INCHES[0] * len(curves), INCHES[1])
    for panel, curve in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        panel.plot(curve.x, curve.y, color=BLUE, marker="o", markersize=3, linewidth=1.4)
        if curve.low:
            panel.fill_between(curve.x, curve.low, curve.high, color=BLUE, alpha=0.2, linewidth=0)
        panel.set_title(_plain(curve.name), fontsize=10, color=GREY, parse_math=False)
        panel.set_xlabel(_plain(across), fontsize=9, color=GREY, parse_math=False)
        _tone(panel)
    return _svg(figure)


def intervals_svg(intervals: Sequence[Interval], across: str) -> str:
    """A line each with its interval, around zero (a forest plot)."""
    figure = _figure(6.0, 0.9 + 0.34 * len(intervals))
    panel = figure.subplots()
    for place, found in enumerate(reversed(intervals)):
        panel.plot([found.low, found.high], [place, place], color=BLUE, linewidth=1.6)
        panel.plot(found.mean, place, color=BLUE, marker="o", markersize=5)
    panel.axvline(0.0, color=GREY, linewidth=0.8, linestyle="--")
    panel.set_yticks(range(len(intervals)), [_plain(found.name) for found in reversed(intervals)], parse_math=False)
    panel.set_ylim(-0.6, len(intervals) - 0.4)
    panel.set_xlabel(_plain(across), fontsize=9, color=GREY, parse_math=False)
    _tone(panel)
    return _svg(figure)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _tone(panel: Any) -> None:
    panel.set_facecolor("none")
    panel.tick_params(colors=GREY, labelsize=8)
    for side, spine in panel.spines.items():
        spine.set_color(GREY)
        spine.set_visible(side in ("left", "bottom"))


def _plain(text: str) -> str:
    """Text as a drawing has room for it."""
    return shortened(text, LONGEST)


def _svg(figure: Any) -> str:
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dsk"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return out.getvalue()
