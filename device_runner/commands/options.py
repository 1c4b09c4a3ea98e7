"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from asc_kit.bundle import BundleManifest

LIKELY = 0.5
"""Where each label stands for itself, from here on it is likelier than not."""

threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Where recordings may have several labels: those at least this likely; default: 0.5.",
)
variant_option = click.option(
    "--variant",
    type=click.Choice(["float16", "dynamic_range"]),
    help="Form of the network to run, of those the bundle has beside int8; not bit for bit what a board computes.",
)


def check_threshold(manifest: BundleManifest, threshold: float | None) -> bool:
    """Return whether recordings may have several labels; a threshold needs that."""
    is_tagging = manifest.task == "multi_label"
    if threshold is not None and not is_tagging:
        raise click.UsageError(f"--threshold is for several labels: to {manifest.name}, each recording has one class")
    return is_tagging
