"""Options that several commands share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from asc_kit.bundle import BundleManifest

LIKELY = 0.5
"""Probability from which a label counts, where a recording may have several: more likely than not."""


class Seconds(click.FloatRange):
    """A finite time in seconds: click's range accepts ``nan`` and ``inf``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the time."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a length of time.", param, ctx)
        return seconds


pcm_option = click.option(
    "--pcm",
    metavar="RATE[:CHANNELS[:ENCODING]]",
    help="Format of raw samples from a file or pipe, as 48000 or 44100:2:s16le; without it, they must be WAV.",
)
threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Least probability of a label, if recordings may have several.  [default: 0.5]",
)
variant_option = click.option(
    "--variant",
    type=click.Choice(["float16", "dynamic_range"]),
    help="Run this form of the network instead of int8, if the bundle has it; a board may give other results.",
)


def check_threshold(manifest: BundleManifest, threshold: float | None) -> bool:
    """Return whether recordings may have several labels; a threshold needs that."""
    is_tagging = manifest.task == "multi_label"
    if threshold is not None and not is_tagging:
        raise click.UsageError(
            f"--threshold needs several labels per recording: {manifest.name} gives each recording one class"
        )
    return is_tagging
