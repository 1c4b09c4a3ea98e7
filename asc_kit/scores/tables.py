"""Evaluations as tables for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from .evaluation import Evaluation, Group, TaggingEvaluation


def evaluation_table(evaluation: Evaluation | TaggingEvaluation) -> Table:
    """Return how well a model does: overall, by class and by recording device."""
    return _tagging(evaluation) if isinstance(evaluation, TaggingEvaluation) else _accuracy(evaluation)


def titled_table(title: str, *columns: str) -> Table:
    """Return an empty table: its first column to the left, figures to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _accuracy(scores: Evaluation) -> Table:
    table = titled_table("Accuracy", "", "clips", "correct", "%", "95 % interval", "log loss")
    overall = Group(
        name="all clips", clips=scores.clips, correct=scores.correct, accuracy=scores.accuracy,
        interval=scores.accuracy_interval, log_loss=scores.log_loss,
    )  # fmt: skip
    _add_groups(table, [overall])
    macro = (percent(scores.macro_accuracy), _interval(scores.macro_accuracy_interval), f"{scores.macro_log_loss:.3f}")
    table.add_row("mean over scenes", "", "", *macro)
    table.add_row("calibration error (ECE)", "", "", percent(scores.ece), "", "")
    for title, groups in (
        ("devices in training", [g for g in (scores.seen_devices, scores.unseen_devices) if g]),
        ("scene", scores.per_scene),
        ("recording device", scores.per_recording_device),
    ):
        table.add_section()
        table.add_row(f"[dim]by {title}[/]", *[""] * 5)
        _add_groups(table, groups)
    return table


def _add_groups(table: Table, groups: Iterable[Group]) -> None:
    for group in groups:
        figures = (percent(group.accuracy), _interval(group.interval), f"{group.log_loss:.3f}")
        table.add_row(escape(group.name), str(group.clips), str(group.correct), *figures)


def _tagging(scores: TaggingEvaluation) -> Table:
    table = titled_table("Label ranking", "", "clips", "lwlrap, %", "95 % interval", "log loss")
    overall = (percent(scores.lwlrap), _interval(scores.lwlrap_interval), f"{scores.log_loss:.3f}")
    table.add_row("all clips", str(scores.clips), *overall)
    table.add_row("mean over labels", "", percent(scores.macro_lwlrap), "", "")
    devices = [group for group in (scores.seen_devices, scores.unseen_devices) if group is not None]
    if len(scores.per_recording_device) > 1:
        table.add_section()
        table.add_row("[dim]by recording device[/]", *[""] * 4)
        for group in (*devices, *scores.per_recording_device):
            table.add_row(escape(group.name), str(group.clips), percent(group.lwlrap), "", f"{group.log_loss:.3f}")
    table.add_section()
    table.add_row("[dim]by label[/]", *[""] * 4)
    for label in scores.per_label:
        table.add_row(escape(label.name), str(label.clips), percent(label.lwlrap), "", "")
    return table


def percent(share: float) -> str:
    """Write a share from 0 to 1 in percent, without the sign."""
    return f"{100 * share:.1f}"


def _interval(ends: tuple[float, float]) -> str:
    return f"{percent(ends[0])} to {percent(ends[1])}"
