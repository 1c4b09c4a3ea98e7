"""What training and evaluation show people of one model, on stderr."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from asc_kit.process.console import console
from asc_kit.scores.evaluation import Evaluation, Group, TaggingEvaluation, TagGroup


def show_evaluation(evaluation: Evaluation | TaggingEvaluation, title: str) -> None:
    """Show how a model does overall, by class and by recording device."""
    console.print(f"{title}; split {evaluation.split}", soft_wrap=True, markup=False)
    console.print(_tagging(evaluation) if isinstance(evaluation, TaggingEvaluation) else _accuracy(evaluation))


def _accuracy(found: Evaluation) -> Table:
    table = _table("", "clips", "accuracy", "95 % interval", "log loss")
    table.add_row(
        "all clips", f"{found.clips:,}", _percent(found.accuracy), _ends(found.accuracy_interval),
        f"{found.log_loss:.3f}",
    )  # fmt: skip
    macro = (_percent(found.macro_accuracy), _ends(found.macro_accuracy_interval), f"{found.macro_log_loss:.3f}")
    table.add_row("mean over scenes", "", *macro)
    table.add_row("calibration error (ECE)", "", _percent(found.ece), "", "", end_section=True)
    _add_groups(table, "", found.per_scene)
    _add_groups(table, "recording device ", found.per_recording_device)
    _add_groups(table, "recording devices ", [g for g in (found.seen_devices, found.unseen_devices) if g is not None])
    return table


def _add_groups(table: Table, prefix: str, groups: Sequence[Group]) -> None:
    for group in groups:
        figures = (_percent(group.accuracy), _ends(group.interval), f"{group.log_loss:.3f}")
        table.add_row(f"{prefix}{escape(group.name)}", f"{group.clips:,}", *figures)
    table.add_section()


def _tagging(found: TaggingEvaluation) -> Table:
    table = _table("", "clips", "lwlrap", "95 % interval", "log loss")
    overall = (_percent(found.lwlrap), _ends(found.lwlrap_interval), f"{found.log_loss:.3f}")
    table.add_row("all clips", f"{found.clips:,}", *overall)
    table.add_row("mean over labels", "", _percent(found.macro_lwlrap), "", "", end_section=True)
    for label in found.per_label:
        table.add_row(escape(label.name), f"{label.clips:,}", _percent(label.lwlrap), "", "")
    table.add_section()
    if len(found.per_recording_device) > 1:
        _add_tag_groups(table, "recording device ", found.per_recording_device)
        totals = [group for group in (found.seen_devices, found.unseen_devices) if group is not None]
        _add_tag_groups(table, "recording devices ", totals)
    return table


def _add_tag_groups(table: Table, prefix: str, groups: Sequence[TagGroup]) -> None:
    for group in groups:
        figures = (_percent(group.lwlrap), "", f"{group.log_loss:.3f}")
        table.add_row(f"{prefix}{escape(group.name)}", f"{group.clips:,}", *figures)
    table.add_section()


def _table(*columns: str) -> Table:
    table = Table()
    for heading in columns:
        table.add_column(heading, justify="right" if heading else "left")
    return table


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _ends(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
