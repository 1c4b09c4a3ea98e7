"""The measurements of a report as files for other programs: CSV, JSON, LaTeX, and a badge."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from asc_kit.records.record import json_bytes
from asc_kit.result import BenchmarkResult
from asc_kit.scores.evaluation import Evaluation

from .parts import Results

_SHARE_DIGITS = 6


def _of_scenes(cell: Callable[[Evaluation], float | None]) -> Callable[[BenchmarkResult], float | None]:
    """Make a column that only measurements of scenes have."""

    def value(result: BenchmarkResult) -> float | None:
        share = cell(result.evaluation) if isinstance(result.evaluation, Evaluation) else None
        return None if share is None else round(share, _SHARE_DIGITS)

    return value


def _of_tags(name: str) -> Callable[[BenchmarkResult], float | None]:
    """Make a column that only measurements of tags have."""
    return lambda result: (
        None if isinstance(result.evaluation, Evaluation) else round(getattr(result.evaluation, name), _SHARE_DIGITS)
    )


COLUMNS: dict[str, Callable[[BenchmarkResult], Any]] = {
    "model": lambda r: r.name,
    "board": lambda r: r.board,
    "core": lambda r: r.core,
    "emulated": lambda r: r.emulated,
    "engine": lambda r: r.engine,
    "mode": lambda r: r.mode,
    "clips": lambda r: r.clips,
    "accuracy": _of_scenes(lambda e: e.accuracy),
    "accuracy_low": _of_scenes(lambda e: e.accuracy_interval[0]),
    "accuracy_high": _of_scenes(lambda e: e.accuracy_interval[1]),
    "macro_accuracy": _of_scenes(lambda e: e.macro_accuracy),
    "log_loss": lambda r: round(r.evaluation.log_loss, _SHARE_DIGITS),
    "ece": _of_scenes(lambda e: e.ece),
    "accuracy_seen_devices": _of_scenes(lambda e: e.seen_devices.accuracy if e.seen_devices else None),
    "accuracy_unseen_devices": _of_scenes(lambda e: e.unseen_devices.accuracy if e.unseen_devices else None),
    "lwlrap": _of_tags("lwlrap"),
    "bit_identical": lambda r: r.bit_identical,
    "host_agreement": lambda r: r.host_agreement,
    "latency_unit": lambda r: r.latency.unit,
    "timer_hz": lambda r: r.latency.timer_hz,
    "latency_median": lambda r: r.latency.median,
    "latency_p95": lambda r: r.latency.p95,
    "latency_max": lambda r: r.latency.max,
    "frontend_median": lambda r: r.latency.frontend.median if r.latency.frontend else None,
    "parameters": lambda r: r.parameters,
    "macs": lambda r: r.macs,
    "arena_bytes": lambda r: r.memory.arena_bytes,
    "frontend_bytes": lambda r: r.memory.frontend_bytes,
    "stack_bytes": lambda r: r.memory.stack_bytes,
    "code_bytes": lambda r: r.memory.code_bytes,
    "weight_bytes": lambda r: r.memory.weight_bytes,
    "frontend_code_bytes": lambda r: r.memory.frontend_code_bytes,
    "frontend_table_bytes": lambda r: r.memory.frontend_table_bytes,
    "model_sha256": lambda r: r.model_sha256,
    "firmware_id": lambda r: r.firmware_id,
    "data_id": lambda r: r.evaluation.data_id,
    "run_id": lambda r: r.run_id,
}
"""Column -> its value, in plain numbers: shares from 0 to 1, bytes, counts of the timer; None where there is none."""


def report_rows(results: Results) -> list[dict[str, Any]]:
    """Return a row of plain values for each measurement."""
    return [{"name": item.name} | {name: cell(item.result) for name, cell in COLUMNS.items()} for item in results]


def csv_text(results: Results) -> str:
    """Return the rows as CSV, RFC 4180."""
    rows = report_rows(results)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def json_data(results: Results) -> bytes:
    """Return the rows as a JSON array of objects."""
    return json_bytes(report_rows(results))


def latex_text(results: Results) -> str:
    """Return a table for a paper: for the package booktabs, a row for each measurement."""
    is_scenes = results[0].result.task == "single_label"
    quality = "Accuracy (\\%)" if is_scenes else "lwlrap (\\%)"
    header = ("Model", "Board", quality, "Latency", "RAM (kB)", "Flash (kB)", "Parameters", "MACs")
    lines = [
        "% Needs \\usepackage{booktabs}.",
        f"\\begin{{tabular}}{{ll{'r' * (len(header) - 2)}}}",
        "\\toprule",
        " & ".join(header) + " \\\\",
        "\\midrule",
        *(" & ".join(_latex_row(item.result)) + " \\\\" for item in results),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(result: BenchmarkResult) -> tuple[str, ...]:
    evaluation, memory, latency = result.evaluation, result.memory, result.latency
    if isinstance(evaluation, Evaluation):
        value, (low, high) = evaluation.accuracy, evaluation.accuracy_interval
    else:
        value, (low, high) = evaluation.lwlrap, evaluation.lwlrap_interval
    if latency.unit == "instructions":
        time = f"{latency.median / 1e6:.3g}\\,M instructions"
    else:
        time = f"{1000 * latency.median / latency.timer_hz:.3g}\\,ms"
    return (
        _latex(result.name),
        _latex(result.board),
        f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        time,
        _kilobytes((memory.arena_bytes, memory.frontend_bytes, memory.stack_bytes)),
        _kilobytes((memory.weight_bytes, memory.code_bytes, memory.frontend_code_bytes, memory.frontend_table_bytes)),
        f"{result.parameters:,}".replace(",", "\\,"),
        f"{result.macs:,}".replace(",", "\\,"),
    )


def _kilobytes(sizes: Sequence[int | None]) -> str:
    """Write a sum whose first size must be known: without the network's the others say nothing."""
    return "--" if sizes[0] is None else f"{sum(size for size in sizes if size is not None) / 1024:.1f}"


_LATEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "_": "\\_", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#",
    "^": "\\textasciicircum{}", "~": "\\textasciitilde{}",
}  # fmt: skip


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


_LETTER_PX, _PADDING_PX = 6.6, 10


def badge(left: str, right: str) -> str:
    """Draw two texts side by side, as badges in README files look."""
    widths = [round(_LETTER_PX * len(text) + 2 * _PADDING_PX) for text in (left, right)]
    whole = sum(widths)
    texts = "".join(
        f'<text x="{x}" y="14" fill="#fff" text-anchor="middle" textLength="{width - 2 * _PADDING_PX}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for text, x, width in ((left, widths[0] / 2, widths[0]), (right, widths[0] + widths[1] / 2, widths[1]))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" '
        f'aria-label="{escape(f"{left}: {right}")}" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">'
        f'<rect width="{whole}" height="20" rx="3" fill="#1f6aa5"/>'
        f'<path d="M3 0h{widths[0] - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444"/>{texts}</svg>\n'
    )
