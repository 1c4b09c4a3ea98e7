"""A page as its tables, texts and attributes, and the tables of a page in Markdown."""

import html
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """The tables, texts and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.labels: list[str] = []
        self._rows: list[list[str]] = []
        self._cell: list[str] | None = None
        self._caption = ""
        self._in_caption = False
        self.open: list[str] = []
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if ("role", "img") in attrs:
            self.labels.append(dict(attrs)["aria-label"] or "")
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = []
        elif tag == "caption":
            self._in_caption, self._caption = True, ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th") and self._cell is not None:
            self._rows[-1].append("".join(self._cell))
            self._cell = None
        elif tag == "caption":
            self._in_caption = False
        elif tag == "table":
            assert self._caption not in self.tables
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
        elif self._in_caption:
            self._caption += data

    def rows(self, caption: str) -> dict[str, list[str]]:
        return {row[0]: row[1:] for row in self.tables[caption]}


def markdown_tables(text: str) -> dict[str, list[list[str]]]:
    """Return the tables of a page in Markdown by caption, the header first: cells as a browser would show them."""
    tables: dict[str, list[list[str]]] = {}
    for caption, table in re.findall(r"^\*\*(.*)\*\*\n\n((?:\|.*\n?)+)", text, re.MULTILINE):
        header, rule, *rows = (re.split(r"(?<!\\) \| ", line[2:-2]) for line in table.splitlines())
        assert all(set(cell) <= set("|-: ") for cell in rule), table
        shown = _shown(caption)
        assert shown not in tables, caption
        tables[shown] = [[_shown(cell) for cell in row] for row in (header, *rows)]
    return tables


def _shown(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == "`":
        return cell[1:-1].replace("\\|", "|")
    return html.unescape(re.sub(r"\\([\\`*|\[\]])", r"\1", cell))
