"""What is wrong with an input, as lines: each names its source, is one line, and is short, whatever it quotes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LINE = 300
"""Most characters of a fault, its source not counted."""
QUOTED = 60
"""Most characters of a text that a fault quotes."""
LINES = 20
"""Most faults that are listed one by one."""
GAP = " ... "


def printable(text: str) -> str:
    """The text with line breaks, other control characters and lone surrogates written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, most: int = QUOTED) -> str:
    """The text in one printable line of at most `most` characters: what is too long loses its middle."""
    # a megabyte need not be escaped to be cut
    line = printable(text if len(text) <= 4 * most else text[: 2 * most] + text[-2 * most :])
    if len(line) <= most:
        return line
    tail = (most - len(GAP)) // 3
    return line[: most - len(GAP) - tail] + GAP + line[len(line) - tail :]


def fault_lines(source: str, faults: Iterable[str]) -> list[str]:
    """One line a fault, each with its source in front; the faults after the first 20 are counted."""
    found = list(faults)
    lines = [f"{printable(source)}: {shortened(fault, LINE)}" for fault in found[:LINES]]
    return [*lines, *_more(source, len(found))]


def capped(lines: Sequence[str], source: str) -> list[str]:
    """`fault_lines` of several places together: the first 20, and how many more there are."""
    return [*lines[:LINES], *_more(source, len(lines))]


def _more(source: str, count: int) -> list[str]:
    return [f"{printable(source)}: and {count - LINES} more; mend these first"] if count > LINES else []
