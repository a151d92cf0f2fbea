"""`dsk tree`: a page of the trees that a run has kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dsk.treeview.run_trees import KeptTree

LISTED = 12


def tree(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)],
    problem: Annotated[
        str | None, typer.Argument(help="Problem id [default: that of the most interesting tree].", show_default=False)
    ] = None,
    step: Annotated[
        int | None, typer.Option(min=1, help="The tree of this step [default: the last].", show_default=False)
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="STEP or RUN",
            help="Beside it the same problem's tree of another step, or of another run.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The page [default: RUN/tree.html].", show_default=False)] = None,
    listed: Annotated[bool, typer.Option("--list", help="Only list the trees that there are.")] = False,
    opened: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write a page of a tree that a run has kept (`keep = "trees"`): every node, played back as it grew."""
    from dsk.treeview.run_trees import kept_trees, pick_tree

    trees = kept_trees(folder)
    if listed:
        _list(trees, len(trees))
        return
    chosen = pick_tree(trees, problem, step)
    page = out or folder / "tree.html"
    _write(page, _drawn(folder, trees, chosen, against))
    right, wrong = chosen.right, chosen.wrong
    typer.echo(f"problem {chosen.record.problem_id}, step {chosen.step}: {right} right and {wrong} wrong ends")
    if problem is None:
        _list(trees, LISTED)
    typer.echo(page)
    if opened:
        typer.launch(str(page))


def _drawn(folder: Path, trees: Sequence[KeptTree], chosen: KeptTree, against: str | None) -> list[dict[str, Any]]:
    from dsk.treeview.run_page import RunTrees

    run = RunTrees(folder)
    shown = [run.data(chosen, f"{run.spec.name}, step {chosen.step}")]
    if against is None:
        return shown
    beside_folder, beside = _beside(folder, trees, chosen, against)
    other = run if beside_folder == folder else RunTrees(beside_folder)
    return [*shown, other.data(beside, f"{other.spec.name}, step {beside.step}")]


def _beside(folder: Path, trees: Sequence[KeptTree], chosen: KeptTree, against: str) -> tuple[Path, KeptTree]:
    """The tree to show beside the chosen one: of a step of the same run, or the last of another."""
    from dsk.treeview.run_trees import kept_trees, pick_tree

    problem = chosen.record.problem_id
    if against.isdecimal():
        return folder, pick_tree(trees, problem, int(against))
    return Path(against), pick_tree(kept_trees(Path(against)), problem)


def _write(page: Path, trees: list[dict[str, Any]]) -> None:
    from dsk.core.run.files import write_atomically
    from dsk.treeview import trees_page

    title = f"Tree of problem {trees[0]['problem']['id']}"
    write_atomically(page, trees_page(title, trees).encode())


def _list(trees: Sequence[KeptTree], most: int) -> None:
    """Problems with the steps that have a tree of them, the most interesting first."""
    from dsk.core.input.faults import shortened

    ranked = sorted(trees, key=lambda tree: tree.interest, reverse=True)
    by_problem: dict[str, list[KeptTree]] = {}
    for kept in ranked:
        by_problem.setdefault(kept.record.problem_id, []).append(kept)
    typer.echo(f"{len(trees)} trees of {len(by_problem)} problems; step: right/ends")
    for problem, found in list(by_problem.items())[:most]:
        counts = ", ".join(f"{t.step}: {t.right}/{len(t.record.correct)}" for t in sorted(found, key=lambda t: t.step))
        typer.echo(f"  {shortened(problem, 24):24}  {shortened(counts, 50)}")
    if len(by_problem) > most:
        typer.echo(f"  and {len(by_problem) - most} more problems (--list)")
