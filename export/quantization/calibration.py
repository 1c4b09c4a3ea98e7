"""Ranges of activations from real clips: min-max, percentile, least mean squared error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.process.console import progress_bar
from asc_kit.quantization import QuantizationSettings

from ..network.execution import batches, statistics
from ..network.graph import Network

_BINS = 2048
# ends of a range that are tried for the least error, as shares of the most extreme value seen
_SHARES = np.linspace(0.02, 1.0, 99)
# the two ends are tried in turns
_ROUNDS = 3
_LEVELS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observed:
    """The observed values of one activation."""

    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    channel_peak: NDArray[np.float32]
    """Largest magnitude of each index of the last axis."""
    counts: NDArray[np.int64] | None = None
    """Number of values in each of equal bins from `low` to `top`."""

    @property
    def top(self) -> float:
        """Return where the bins end: at `high`, or a little above equal values."""
        return max(self.high, self.low + max(1e-6, 1e-6 * abs(self.low)))

    @property
    def width(self) -> float:
        """Return the width of a bin."""
        return (self.top - self.low) / _BINS

    @property
    def centres(self) -> NDArray[np.float64]:
        """Return the middle of each bin."""
        return np.asarray(self.low + self.width * (np.arange(_BINS) + 0.5), np.float64)


def observe(network: Network, features: NDArray[np.float32], *, histograms: bool = False) -> dict[int, Observed]:
    """Run real inputs through a network and observe its activations, by tensor index.

    Parameters
    ----------
    network
        The float network.
    features
        Its inputs, float32 [n, *inner].
    histograms
        Whether the values are counted too, in a second pass.

    Raises
    ------
    ModelError
        When an activation is not a number.
    """

    def extremes(_: int, value: Any) -> tuple[Any, Any, Any]:
        last = value.shape[-1] if value.shape.rank > 1 else 1
        peak = tf.reduce_max(tf.abs(tf.reshape(value, (-1, last))), axis=0)
        # minima and maxima leave out some values that are no numbers
        broken = tf.where(tf.reduce_all(tf.math.is_finite(value)), 0.0, np.nan)
        return tf.reduce_min(value) + broken, tf.reduce_max(value) + broken, peak

    seen: dict[int, Observed] = {}
    with progress_bar("ranges", len(batches(features)) * (1 + histograms)) as (bar, task):
        for by_tensor in statistics(network, features, extremes):
            for index, (low, high, peak) in by_tensor.items():
                before = seen.setdefault(index, Observed(low=np.inf, high=-np.inf, channel_peak=np.zeros_like(peak)))
                seen[index] = Observed(
                    low=float(np.minimum(before.low, low)),
                    high=float(np.maximum(before.high, high)),
                    channel_peak=np.maximum(before.channel_peak, peak),
                )
            bar.advance(task, 1)
        _check(network, seen)
        if not histograms:
            return seen

        def count(index: int, value: Any) -> Any:
            observed = seen[index]
            return tf.histogram_fixed_width(value, [observed.low, observed.top], _BINS, tf.int64)

        counts = {index: np.zeros(_BINS, np.int64) for index in seen}
        for by_tensor in statistics(network, features, count):
            for index, part in by_tensor.items():
                counts[index] += part
            bar.advance(task, 1)
    return {index: replace(observed, counts=counts[index]) for index, observed in seen.items()}


def _check(network: Network, seen: dict[int, Observed]) -> None:
    for index, observed in seen.items():
        if not (np.isfinite(observed.low) and np.isfinite(observed.high)):
            producer = network.producer(index)
            where = "the input" if producer is None else f"layer {network.layer_name(producer)} ({producer.op})"
            raise ModelError(
                f"{where} gives values that are not finite on representative clips",
                hint="the training diverged: train again with a lower learning rate",
            )


def range_of(seen: Observed, settings: QuantizationSettings) -> tuple[float, float]:
    """Return the lowest and the highest value of an activation's range; 0 lies between them.

    Notes
    -----
    ``min_max``: the observed extremes. ``percentile`` p: p % of the values are below the highest, p % above the lowest,
    equation (7) of docs/quantization.md. ``mse``: of the ranges tried, the one with the least mean squared difference
    between values and their int8, equation (8).
    """
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    if settings.calibration == "min_max" or high - low == 0.0:
        return low, high
    if settings.calibration == "percentile":
        assert seen.counts is not None
        ends = _percentiles(seen, (100.0 - settings.percentile, settings.percentile))
        return min(ends[0], 0.0), max(ends[1], 0.0)
    return _least_error(seen, low, high)


def _percentiles(seen: Observed, shares: tuple[float, float]) -> list[float]:
    """Return percentiles from a histogram, linear within its bins."""
    assert seen.counts is not None
    below = np.concatenate([[0], np.cumsum(seen.counts)])
    edges = np.linspace(seen.low, seen.top, _BINS + 1)
    percentiles = np.interp(np.divide(shares, 100.0) * below[-1], below, edges)
    return [float(value) for value in np.clip(percentiles, seen.low, seen.high)]


def _least_error(seen: Observed, low: float, high: float) -> tuple[float, float]:
    ends = [low, high]
    for _ in range(_ROUNDS):
        for end in (1, 0):
            extreme = (low, high)[end]
            if extreme == 0.0:
                continue
            tried = extreme * _SHARES
            ranges = [(ends[0], bound) if end else (bound, ends[1]) for bound in tried]
            ends[end] = float(tried[int(np.argmin([_squared_error(seen, *bound) for bound in ranges]))])
    return ends[0], ends[1]


def _squared_error(seen: Observed, low: float, high: float) -> float:
    """Return the mean squared error of rounding values to 256 levels: equation (8)."""
    assert seen.counts is not None
    scale = (high - low) / (_LEVELS - 1)
    centres = seen.centres
    kept = low + scale * np.clip(np.rint((centres - low) / scale), 0, _LEVELS - 1)
    # within a bin finer than a step the values are off by up to half a step in any way: add what the middle hides
    hidden = min(scale, seen.width) ** 2 / 12.0
    inside = (centres >= low) & (centres <= high)
    return float(np.sum(seen.counts * ((centres - kept) ** 2 + np.where(inside, hidden, 0.0))) / seen.counts.sum())
