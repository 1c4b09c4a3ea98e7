"""What training and evaluation show people, on stderr; the layer table is a result and goes to stdout."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.markup import escape
from rich.table import Table

from asc_kit.console import console
from asc_kit.evaluation import Evaluation
from asc_kit.result import Group

from .complexity import Complexity


def show_evaluation(evaluation: Evaluation, title: str) -> None:
    """Show accuracy overall, by scene and by recording device."""
    console.print(f"{title}; split {evaluation.split}", soft_wrap=True, markup=False)
    table = Table()
    for heading in ("", "clips", "accuracy"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("all clips", f"{evaluation.clips:,}", f"{evaluation.accuracy:.1%}")
    table.add_row("mean over scenes", "", f"{evaluation.macro_accuracy:.1%}", end_section=True)
    _add_groups(table, "", evaluation.per_scene)
    _add_groups(table, "recording device ", evaluation.per_recording_device)
    totals = [group for group in (evaluation.seen_devices, evaluation.unseen_devices) if group is not None]
    _add_groups(table, "recording devices ", totals)
    console.print(table)


def _add_groups(table: Table, prefix: str, groups: Sequence[Group]) -> None:
    for group in groups:
        table.add_row(f"{prefix}{escape(group.name)}", f"{group.clips:,}", f"{group.accuracy:.1%}")
    table.add_section()


def show_complexity(name: str, complexity: Complexity) -> None:
    """Print the layer table."""
    width = max(len(layer.name) for layer in complexity.layers)
    click.echo(f"{'layer':<{width}}  {'kind':<22}  {'input':<14}  {'output':<14}  {'parameters':>10}  {'MACs':>12}")
    for layer in complexity.layers:
        shapes = ["x".join(map(str, shape)) for shape in (layer.input_shape, layer.output_shape)]
        click.echo(
            f"{layer.name:<{width}}  {layer.kind:<22}  {shapes[0]:<14}  {shapes[1]:<14}  "
            f"{layer.parameters:>10,}  {layer.macs:>12,}"
        )
    click.echo(
        f"{name}: {complexity.parameters:,} parameters, {complexity.macs:,} MACs per clip, "
        f"{complexity.macs_per_second:,} per second of audio"
    )
