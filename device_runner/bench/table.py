"""A benchmark's result as tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from asc_kit.result import BenchmarkResult, Side, Summary
from asc_kit.scores.evaluation import Evaluation, Group, TaggingEvaluation

from .verdict import LINK_LINES, SIDES

# The longest operators are worth a line each, the rest are many and small.
_PROFILE_ROWS = 8


def result_tables(result: BenchmarkResult) -> RenderableType:
    """Return the tables of one result: accuracy, agreement, latency, operators, memory."""
    parts: list[RenderableType] = [
        f"[bold]{escape(result.name)}[/] on {escape(result.board_title)} ({escape(result.core)}), "
        f"{result.mode} mode, {result.clips} clips{_windows(result)}{_partial(result)}",
        _quality(result),
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
    table = _table("Put right on the line", "", "times")
    for row in put_right:
        table.add_row(*row)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _quality(result: BenchmarkResult) -> Table:
    found = result.evaluation
    return _tagging(found) if isinstance(found, TaggingEvaluation) else _accuracy(found)


def _accuracy(found: Evaluation) -> Table:
    table = _table("Accuracy", "", "clips", "correct", "%", "95 % interval", "log loss")
    overall = Group(
        name="all clips", clips=found.clips, correct=found.correct, accuracy=found.accuracy,
        interval=found.accuracy_interval, log_loss=found.log_loss,
    )  # fmt: skip
    _add_groups(table, [overall])
    macro = (_percent(found.macro_accuracy), _interval(found.macro_accuracy_interval), f"{found.macro_log_loss:.3f}")
    table.add_row("mean over scenes", "", "", *macro)
    table.add_row("expected calibration error", "", "", _percent(found.ece), "", "")
    for title, groups in (
        ("seen and unseen recording devices", [g for g in (found.seen_devices, found.unseen_devices) if g]),
        ("scene", found.per_scene),
        ("recording device", found.per_recording_device),
    ):
        table.add_section()
        table.add_row(f"[dim]by {title}[/]", *[""] * 5)
        _add_groups(table, groups)
    return table


def _add_groups(table: Table, groups: Iterable[Group]) -> None:
    for group in groups:
        figures = (_percent(group.accuracy), _interval(group.interval), f"{group.log_loss:.3f}")
        table.add_row(escape(group.name), str(group.clips), str(group.correct), *figures)


def _tagging(found: TaggingEvaluation) -> Table:
    table = _table("Label ranking", "", "clips", "lwlrap, %", "95 % interval", "log loss")
    overall = (_percent(found.lwlrap), _interval(found.lwlrap_interval), f"{found.log_loss:.3f}")
    table.add_row("all clips", str(found.clips), *overall)
    table.add_row("mean over labels", "", _percent(found.macro_lwlrap), "", "")
    devices = [group for group in (found.seen_devices, found.unseen_devices) if group is not None]
    if len(found.per_recording_device) > 1:
        table.add_section()
        table.add_row("[dim]by recording device[/]", *[""] * 4)
        for group in (*devices, *found.per_recording_device):
            table.add_row(escape(group.name), str(group.clips), _percent(group.lwlrap), "", f"{group.log_loss:.3f}")
    table.add_section()
    table.add_row("[dim]by label[/]", *[""] * 4)
    for label in found.per_label:
        table.add_row(escape(label.name), str(label.clips), _percent(label.lwlrap), "", "")
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _interval(ends: tuple[float, float]) -> str:
    return f"{_percent(ends[0])} to {_percent(ends[1])}"


def _agreement(result: BenchmarkResult) -> Table:
    table = _table("Agreement with the host", "", "clips")
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
    table = _table(f"Latency, {latency.unit}", "", "min", "median", "p95", "max")
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
    table = _table(f"Slowest operators, {unit}", "operator", "MACs", unit, "per MAC", "%")
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
    table = _table("Memory, bytes", "", "RAM", "flash")
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
