"""Pictures of an inspection: SVG that takes its colours from the page, readable on light and on dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asc_kit.pages import BLUE, GREEN, RED, RULE, svg

from .document import LayerRecord

# a layer without noise has no place on a scale of decibels
_GAP = float("nan")
_MOST_TICKS = 40


def noise(layers: Sequence[LayerRecord], low_db: float) -> str:
    """Draw the signal-to-noise ratio along the network: accumulated, and of each layer alone."""
    places = range(len(layers))

    def draw(axes: Any) -> None:
        alone = [_GAP if layer.sqnr_alone_db is None else layer.sqnr_alone_db for layer in layers]
        so_far = [_GAP if layer.sqnr_db is None else layer.sqnr_db for layer in layers]
        axes.plot(places, alone, ".", color=RED, markersize=5, label="this layer alone in int8")
        axes.plot(places, so_far, color=BLUE, linewidth=1.6, label="everything up to here in int8")
        axes.axhline(low_db, color=RULE, linestyle="--", linewidth=1)
        axes.set_ylabel("signal to noise, dB")
        every = -(-len(layers) // _MOST_TICKS)
        names = [_name(layer) for layer in layers]
        axes.set_xticks(list(places)[::every], names[::every], rotation=60, ha="right", rotation_mode="anchor")
        axes.tick_params(axis="x", labelsize=7, length=2)
        axes.margins(x=0.01)
        axes.legend(loc="upper right", frameon=False, fontsize=8, ncols=2, bbox_to_anchor=(1.0, 1.12))

    return svg(draw, (9.6, 3.6), grid="y")


def costs(ranking: Sequence[LayerRecord]) -> str:
    """Draw the probability that each of the costliest layers moves, the costliest first."""
    shown = ranking[:12]

    def draw(axes: Any) -> None:
        values = [100 * layer.kept.moved_gain for layer in shown]
        axes.barh(range(len(shown)), values, 0.75, color=BLUE)
        axes.set_yticks(range(len(shown)), [_name(layer) for layer in shown], fontsize=8)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel("probability less that is moved, %")
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.tick_params(length=0)

    return svg(draw, (4.8, 0.7 + 0.22 * len(shown)), grid="y")


def histogram(layer: LayerRecord) -> str:
    """Draw a histogram of the values in float, with logarithmic counts, and the range of int8."""
    counted = layer.histogram

    def draw(axes: Any) -> None:
        edges = np.linspace(counted.low, counted.high, len(counted.counts) + 1)
        axes.axvspan(layer.lowest, layer.highest, color=GREEN, alpha=0.16, linewidth=0)
        for end in (layer.lowest, layer.highest):
            axes.axvline(end, color=GREEN, linewidth=1.2)
        axes.stairs(np.maximum(counted.counts, 0.5), edges, baseline=0.5, fill=True, color=BLUE)
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.5)
        axes.set_xlim(*_limits(layer))
        axes.tick_params(labelsize=8, length=2)
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(lambda value, _: _count(value))
        axes.locator_params(axis="x", nbins=5)

    return svg(draw, (3.2, 1.5), grid="y")


def _count(value: float) -> str:
    """Write a power of ten."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _name(layer: LayerRecord) -> str:
    return f"{layer.index} {layer.name}" if layer.index >= 0 else layer.name


def _limits(layer: LayerRecord) -> tuple[float, float]:
    low, high = min(layer.lowest, layer.low), max(layer.highest, layer.high)
    room = 0.03 * (high - low)
    return low - room, high + room
