"""Reading HTML as a browser would: its tables' cells, all of its text, and the names of its elements."""

from __future__ import annotations

from html.parser import HTMLParser

ALLOWED = {"div", "table", "thead", "tbody", "tr", "th", "td", "img", "progress"}
"""What a notebook's output may consist of: nothing that runs or loads."""


class Tables(HTMLParser):
    """`rows` are all rows of all tables, `styles` those of their cells, `attributes` all attributes of all elements."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.styles: list[list[str]] = []
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._in_cell = False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
            self.styles.append([])
        self._in_cell = tag in ("td", "th")
        if self._in_cell:
            self.rows[-1].append("")
            self.styles[-1].append(dict(attrs)["style"])

    def handle_endtag(self, tag):
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data


def check_inert(source: str) -> Tables:
    """The tables of `source`, which holds nothing that runs, loads or reaches out of it."""
    found = Tables(source)
    assert found.elements <= ALLOWED
    assert [(n, v) for n, v in found.attributes if n.startswith("on") or n in ("href", "srcdoc")] == []
    assert all(v.startswith("data:image/svg+xml;base64,") for n, v in found.attributes if n == "src")
    return found
