"""The layer table of ``asc-kit complexity``: a result, so it goes to stdout."""

from __future__ import annotations

import click

from .complexity import Complexity


def show_complexity(name: str, complexity: Complexity, *, trained: bool) -> None:
    """Print the layer table; the parameters that are not zero only of a network that was trained."""
    width = max(len(layer.name) for layer in complexity.layers)
    last = f"  {'not zero':>10}" if trained else ""
    click.echo(
        f"{'layer':<{width}}  {'kind':<22}  {'input':<14}  {'output':<14}  {'parameters':>10}  {'MACs':>12}{last}"
    )
    for layer in complexity.layers:
        shapes = ["x".join(map(str, shape)) for shape in (layer.input_shape, layer.output_shape)]
        last = f"  {layer.nonzero_parameters:>10,}" if trained else ""
        click.echo(
            f"{layer.name:<{width}}  {layer.kind:<22}  {shapes[0]:<14}  {shapes[1]:<14}  "
            f"{layer.parameters:>10,}  {layer.macs:>12,}{last}"
        )
    not_zero = f" ({complexity.nonzero_parameters:,} not zero)" if trained else ""
    click.echo(
        f"{name}: {complexity.parameters:,} parameters{not_zero}, {complexity.macs:,} MACs per clip, "
        f"{complexity.macs_per_second:,} per second of audio"
    )
