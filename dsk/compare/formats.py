"""A comparison as Markdown, LaTeX, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dsk.compare.answer import answer
from dsk.compare.comparison import Comparison
from dsk.compare.notes import notes
from dsk.compare.rows import Row
from dsk.compare.runs import AXES
from dsk.compare.table import Cell, Grid, heading, make_grid, verdict
from dsk.compare.tune import in_words

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "λ": r"$\lambda$", "Δ": r"$\Delta$", "δ": r"$\delta$", "ε": r"$\varepsilon$",
    "γ": r"$\gamma$", "μ": r"$\mu$", "π": r"$\pi$", "±": r"$\pm$", "×": r"$\times$", "≤": r"$\le$", "≥": r"$\ge$",
    "–": "--", "—": "---", "→": r"$\to$", "·": r"$\cdot$", "∞": r"$\infty$",
}  # fmt: skip
READ = 2
"""Notes that the caption has: the answer, and how the table was read."""
WORDS = ("arm", "verdict", "test set", "chosen", "pass rate")


def to_markdown(comparison: Comparison) -> str:
    """A pipe table with aligned columns, and the notes as a list."""
    return grid_markdown(make_grid(comparison))


def grid_markdown(grid: Grid) -> str:
    """The same of a table that is laid out already."""
    cells = [[_markdown(Cell(head)) for head in grid.heads], *([_markdown(c) for c in row] for row in grid.rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(grid.heads))]
    rule = ["-" * w if head in WORDS else "-" * (w - 1) + ":" for w, head in zip(widths, grid.heads, strict=True)]
    lines = [_pipe(cells[0], widths, grid.heads), _pipe(rule, widths, grid.heads)]
    lines += [_pipe(row, widths, grid.heads) for row in cells[1:]]
    title = [f"**{grid.title}**", ""] if grid.title else []
    return "\n".join([*title, *lines, "", *(f"- {note}" for note in grid.notes)]) + "\n"


def _markdown(cell: Cell) -> str:
    text = cell.text.replace("|", "\\|")
    return f"**{text}**" if cell.bold else text


def _pipe(cells: list[str], widths: list[int], heads: tuple[str, ...]) -> str:
    padded = [c.ljust(w) if h in WORDS else c.rjust(w) for c, w, h in zip(cells, widths, heads, strict=True)]
    return f"| {' | '.join(padded)} |"


def to_latex(comparison: Comparison) -> str:
    """A `table` environment that needs no package; wide tables are for `\\resizebox` or landscape."""
    return grid_latex(make_grid(comparison))


def grid_latex(grid: Grid) -> str:
    """The same of a table that is laid out already."""
    spec = "".join("l" if head in WORDS else "r" for head in grid.heads)
    body = [" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in grid.rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(_caption(grid))}}}",
            rf"\begin{{tabular}}{{{spec}}}",
            r"\hline",
            " & ".join(_latex(head) for head in grid.heads) + r" \\",
            r"\hline",
            *body,
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
            *(f"% {_ascii(note)}" for note in grid.notes),
        ]
    ) + "\n"  # fmt: skip


def _caption(grid: Grid) -> str:
    told = " ".join(grid.notes[:READ])
    return f"{grid.title}. {told}" if grid.title else told


def _latex_cell(cell: Cell) -> str:
    text = _latex(cell.text)
    # a bracket at the start of a row would be read as the optional argument of the \\ before it
    text = "{}" + text if text.startswith(("[", "*")) else text
    return rf"\textbf{{{text}}}" if cell.bold else text


def _latex(text: str) -> str:
    return "".join(LATEX[c] if c in LATEX else c if c.isascii() else _ascii(c) for c in text.replace("\n", " "))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text.replace("\n", " ")).encode("ascii", "replace").decode().replace("?", "")


def to_csv(comparison: Comparison) -> str:
    """One row an arm, plain numbers: estimates, differences from the baseline, budgets, what was chosen."""
    return flat_csv([_flat(comparison, index) for index in range(len(comparison.rows))])


def flat_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same columns."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(comparison: Comparison, index: int) -> dict[str, Any]:
    row = comparison.rows[index]
    flat: dict[str, Any] = {"arm": row.arm, "seeds": " ".join(map(str, row.seeds))}
    for metric in comparison.metrics:
        found, difference = row.estimates.get(metric), row.differences.get(metric)
        for name in ("mean", "low", "high", "problems"):
            flat[f"{metric}_{name}"] = _known(getattr(found, name, ""))
        for name in ("mean", "low", "high", "p_value", "adjusted_p", "improvement"):
            flat[f"{metric}_difference_{name}"] = _known(getattr(difference, name, ""))
    flat |= {axis: row.spent.get(axis, "") for axis in AXES}
    flat["screening_share"] = "" if row.screening is None else row.screening
    return (
        flat
        | _flat_crossing(comparison, row)
        | _flat_choice(comparison, row)
        | {
            "verdict": verdict(comparison, row, comparison.metrics[0]),
            "differs": "; ".join(row.differs),
            "trouble": "; ".join(row.trouble),
        }
    )


def _flat_crossing(comparison: Comparison, row: Row) -> dict[str, Any]:
    """What it took to the level that was asked for, and its ratio to the baseline's."""
    if comparison.tokens_to is None:
        return {}
    crossing = row.crossing
    parts = {"spent_to_level": crossing and crossing.spent, "ratio_to_level": crossing and crossing.ratio}
    flat = {
        f"{part}_{name}": _known(getattr(found, name, ""))
        for part, found in parts.items()
        for name in ("mean", "low", "high", "bound")
    }
    return flat | {"never_at_level": " ".join(map(str, crossing.never)) if crossing else ""}


def _flat_choice(comparison: Comparison, row: Row) -> dict[str, Any]:
    """What the arm chose, and what tuning it cost."""
    if comparison.tuning is None:
        return {}
    choice = comparison.tuning.choices[row.arm]
    return {
        "chosen": in_words(choice.overrides),
        "tuning_runs": choice.runs,
        "tuning_model_tokens": choice.model_tokens,
    }


def _known(value: Any) -> Any:
    return "" if isinstance(value, float) and not math.isfinite(value) else value


def to_json(comparison: Comparison) -> str:
    """Everything, as data; what is not a number is null."""
    data = asdict(comparison)
    for row, source in zip(data["rows"], comparison.rows, strict=True):
        row["verdict"] = verdict(comparison, source, comparison.metrics[0])
    if comparison.resolution:
        data["resolution"]["reached"] = comparison.resolution.reached
    data |= {"heading": heading(comparison), "answer": answer(comparison), "notes": notes(comparison)}
    return plain_json(data)


def plain_json(data: Any) -> str:
    """Indented; what is not a number is null."""
    return json.dumps(_finite(data), indent=2) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


FORMATS = {"markdown": to_markdown, "latex": to_latex, "csv": to_csv, "json": to_json}
