"""Render a report and write its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asc_kit import __version__
from asc_kit.outputs import OutputKind, check_output, write_files
from asc_kit.pages import page_templates
from asc_kit.text import markdown

from .content import sections_of, title_of
from .headline import badge_of, headline_of
from .parts import DataTable
from .reading import NamedResult
from .tables import badge, csv_text, json_data, latex_text

PAGE = "index.html"
MARKDOWN = "report.md"
CSV, JSON, LATEX, BADGE = "report.csv", "report.json", "report.tex", "badge.svg"
NAMES = (PAGE, MARKDOWN, CSV, JSON, LATEX, BADGE)
REPORT = OutputKind(name="report", command="asc-kit report", names=NAMES, option="-o", is_guest=True)


def write_report(results: Sequence[NamedResult], out: Path) -> tuple[Path, Path]:
    """Write a report into `out` and return the paths of ``index.html`` (self-contained) and ``report.md``.

    Beside them stand ``report.csv``, ``report.json``, ``report.tex`` and ``badge.svg``. All are rendered before any is
    written; other files in `out` stay, and files of these names that no report wrote are refused.
    """
    check_output(out, REPORT)
    environment = page_templates(str(__package__))
    environment.filters |= {"markdown_table": _markdown_table, "markdown": markdown}
    content = {
        "title": title_of(results),
        "headline": headline_of(results),
        "sections": sections_of(results),
        "version": __version__,
    }
    page = environment.get_template("page.html").render(content)
    text = environment.get_template("report.md").render(content)
    files = {
        PAGE: page.encode(),
        MARKDOWN: text.encode(),
        CSV: csv_text(results).encode(),
        JSON: json_data(results),
        LATEX: latex_text(results).encode(),
        BADGE: badge(*badge_of([item.result for item in results])).encode(),
    }
    page_path, markdown_path, *_ = write_files(out, REPORT, files)
    return page_path, markdown_path


def _markdown_table(table: DataTable) -> str:
    """Write a table in Markdown: the first column to the left, the rest to the right."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rule = "|---|" + "---:|" * (len(table.header) - 1)
    header = [markdown(cell) for cell in table.header]
    cells = [[_code(c) if table.code and number else markdown(c) for number, c in enumerate(row)] for row in table.rows]
    return "\n".join([line(header), rule, *(line(row) for row in cells)])


def _code(text: str) -> str:
    """Write a hash or the like as code, in which only the end of the cell can be escaped."""
    return "`" + " ".join(text.replace("`", "'").replace("|", "\\|").split()) + "`"
