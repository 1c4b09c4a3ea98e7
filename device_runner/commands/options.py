"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from asc_kit.bundle import BundleManifest

LIKELY = 0.5
"""Probability from which a label counts, where a recording may have several: more likely than not."""

threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Least probability of a label, if recordings may have several.  [default: 0.5]",
)
variant_option = click.option(
    "--variant",
    type=click.Choice(["float16", "dynamic_range"]),
    help="Run this form of the network instead of int8, if the bundle has it; a board's bits may differ.",
)


def check_threshold(manifest: BundleManifest, threshold: float | None) -> bool:
    """Return whether recordings may have several labels; a threshold needs that."""
    is_tagging = manifest.task == "multi_label"
    if threshold is not None and not is_tagging:
        raise click.UsageError(
            f"--threshold needs several labels per recording: {manifest.name} gives each recording one class"
        )
    return is_tagging
