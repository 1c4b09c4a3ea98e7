"""A benchmark's result as tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from asc_kit.result import BenchmarkResult, Side, Summary
from asc_kit.scores.tables import evaluation_table, titled_table

from .verdict import LINK_LINES, SIDES

# The longest operators get a line each; the rest are many and small.
_PROFILE_ROWS = 8


def result_tables(result: BenchmarkResult) -> RenderableType:
    """Return the tables of a result: accuracy, agreement, latency, operators, memory."""
    parts: list[RenderableType] = [
        f"[bold]{escape(result.name)}[/] on {escape(result.board_title)} ({escape(result.core)}), "
        f"{result.mode} mode, {result.clips} clips{_windows(result)}{_partial(result)}",
        evaluation_table(result.evaluation),
        _agreement(result),
        _latency(result),
    ]
    if result.profile:
        parts.append(_profile(result))
    parts.append(_memory(result))
    put_right = [(title, text) for title, cell in LINK_LINES if (text := cell(result)) not in (None, "0")]
    if put_right:
        parts.append(_line(put_right))
    return Stack(*parts)


def _windows(result: BenchmarkResult) -> str:
    return f" in {result.windows} windows" if result.windows > result.clips else ""


def _partial(result: BenchmarkResult) -> str:
    return f", [bold]partial[/]: the split has {result.split_clips}" if result.partial else ""


def _line(put_right: Iterable[tuple[str, str]]) -> Table:
    table = titled_table("Put right on the line", "", "times")
    for row in put_right:
        table.add_row(*row)
    return table


def _agreement(result: BenchmarkResult) -> Table:
    table = titled_table("Agreement with the host", "", "clips")
    table.add_row("outputs bit-identical to the reference kernels", f"{result.bit_identical} / {result.clips}")
    table.add_row("same likeliest label as the host's whole chain", f"{result.host_agreement} / {result.clips}")
    if result.mode == "audio":
        table.add_row("features that differ from NumPy's", f"{100 * result.feature_mismatch_share:.3f} %")
        table.add_row("  by at most", f"{result.feature_lsb_max} LSB")
        is_within = "yes" if result.is_front_end_within else "[bold red]NO[/]"
        limits = f"{100 * result.feature_tolerance_share:g} %, {result.feature_tolerance_lsb} LSB"
        table.add_row(f"  within tolerance ({limits})", is_within)
    for side, clips in sorted(Counter(_sides(result)).items()):
        table.add_row(f"[bold red]differs: {SIDES[side]}[/]", str(clips))
    return table


def _sides(result: BenchmarkResult) -> Iterator[Side]:
    return (difference.side for item in result.predictions for difference in item.differences)


def _latency(result: BenchmarkResult) -> Table:
    latency = result.latency
    table = titled_table(f"Latency, {latency.unit}", "", "min", "median", "p95", "max")
    rows: list[tuple[str, Summary]] = [
        ("network", Summary(min=latency.min, median=latency.median, p95=latency.p95, max=latency.max))
    ]
    if latency.frontend is not None:
        rows.append(("front end", latency.frontend))
    for name, summary in rows:
        values = (summary.min, summary.median, summary.p95, summary.max)
        table.add_row(name, *(f"{value:,.0f}" for value in values))
    return table


def _profile(result: BenchmarkResult) -> Table:
    unit = result.latency.unit
    table = titled_table(f"Slowest operators, {unit}", "operator", "MACs", unit, "per MAC", "%")
    total = sum(item.time for item in result.profile) or 1
    for item in sorted(result.profile, key=lambda item: -item.time)[:_PROFILE_ROWS]:
        table.add_row(
            escape(f"{item.index:2} {item.op}"),
            f"{item.macs:,}",
            f"{item.time:,}",
            f"{item.time / item.macs:.2f}" if item.macs else "",
            f"{100 * item.time / total:.1f}",
        )
    return table


def _memory(result: BenchmarkResult) -> Table:
    memory = result.memory
    table = titled_table("Memory, bytes", "", "RAM", "flash")
    for name, ram, flash in (
        ("network: arena, weights", memory.arena_bytes, memory.weight_bytes),
        ("network: code", None, memory.code_bytes),
        ("front end: state, tables", memory.frontend_bytes, memory.frontend_table_bytes),
        ("front end: code", None, memory.frontend_code_bytes),
        ("stack, deepest use", memory.stack_bytes, None),
        ("whole image", memory.image_ram_bytes, memory.image_flash_bytes),
    ):
        if ram is not None or flash is not None:
            table.add_row(name, *("" if value is None else f"{value:,}" for value in (ram, flash)))
    return table
