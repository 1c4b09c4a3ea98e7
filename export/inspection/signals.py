"""Ranges of activations, and how much of them is quantization noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.process.console import progress_bar

from ..network.affine import Affine
from ..network.execution import batches, value_of
from ..network.graph import Network, Operator
from ..network.operators import compute
from ..quantization.calibration import Observed, observe
from ..quantization.simulation import fake_quantizer
from .document import Histogram
from .layers import Layer
from .reference import Constants

_BINS = 2048
_BINS_SHOWN = 64
_CODES = 256
_LEAST_DB = -100.0
# beyond these shares of the values lie outliers
_INNER = (0.001, 0.999)
_QUIET_CHANNELS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Measurements of one layer; names and meaning are those of `LayerRecord`."""

    low: float
    high: float
    inner_low: float
    inner_high: float
    clipped_low: float
    clipped_high: float
    unused_codes: float
    unreached: float
    channel_spread: float | None
    constant_share: float | None
    sqnr_alone_db: float | None
    sqnr_db: float | None
    fall_db: float | None
    histogram: Histogram


def sqnr_db(signal: float, noise: float) -> float | None:
    """Return a signal-to-noise ratio in dB, at least -100; None where there is no noise.

    Formula: 10 log10(sum x² / sum (x - x')²).
    """
    if noise == 0.0:
        return None
    return max(_LEAST_DB, 10.0 * math.log10(signal / noise)) if signal > 0.0 else _LEAST_DB


def measure(
    network: Network,
    constants: Constants,
    scheme: Mapping[int, Affine],
    layers: tuple[Layer, ...],
    features: NDArray[np.float32],
) -> dict[int, Measured]:
    """Compute the float and the simulated int8 network side by side.

    Parameters
    ----------
    network
        The int8 network.
    constants
        Constants of the float network, by the int8 network's tensor indices.
    scheme
        Quantization of each activation.
    layers
        The layers: where values are rounded.
    features
        Inputs, float32 [n, *inner].

    Returns
    -------
    dict
        By `Layer.index`.

    Raises
    ------
    ModelError
        When the float network gives values that are no numbers.
    """
    seen = observe(network.with_constants(constants), features)
    pair = _Pair(network, constants, scheme, layers, seen)
    shape = (None, *network.tensors[network.input].inner)
    graph = tf.function(pair.look, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)
    parts = batches(features)
    sums: _Sums | None = None
    with progress_bar("layers", len(parts)) as (bar, task):
        for part in parts:
            sums_of_part = tf.nest.map_structure(lambda tensor: tensor.numpy(), graph(tf.constant(part)))
            sums = sums_of_part if sums is None else tf.nest.map_structure(np.add, sums, sums_of_part)
            bar.advance(task)
    assert sums is not None, "no features"
    ratio = {index: sqnr_db(*energies) for index, energies in sums.energies.items()}
    return {layer.index: _measured(layer, sums, ratio, seen[layer.tensor], scheme[layer.tensor]) for layer in layers}


class _LayerSums(NamedTuple):
    """Sums and counts of one layer over inputs: tensors for a batch, arrays for all batches."""

    alone: Any
    """Energy of the layer's own noise, with exact inputs."""
    drift: Any
    """Sum of that noise, by channel."""
    counts: Any
    """Number of values in each of `_BINS` bins of the observed range."""
    codes: Any
    """Number of values at each int8 code."""
    outside: Any
    """Number of values more than half a step below the lowest code, and above the highest."""


class _Sums(NamedTuple):
    """Sums of all layers."""

    energies: dict[int, Any]
    """Energy of the values and of the noise, by tensor index."""
    layers: dict[int, _LayerSums]
    """By `Layer.index`."""


def _measured(layer: Layer, sums: _Sums, ratio: Mapping[int, float | None], seen: Observed, affine: Affine) -> Measured:
    own, has_weights = sums.layers[layer.index], layer.operator is not None and layer.operator.has_weights
    total = int(own.counts.sum())
    inner = _quantiles(own.counts, seen)
    below, above = (int(n) / total for n in own.outside)
    return Measured(
        low=seen.low,
        high=seen.high,
        inner_low=inner[0],
        inner_high=inner[1],
        clipped_low=below,
        clipped_high=above,
        unused_codes=float((own.codes == 0).mean()),
        unreached=_unreached(seen, affine),
        channel_spread=_channel_spread(seen) if has_weights else None,
        constant_share=_constant_share(own.drift, total, float(own.alone)) if has_weights else None,
        sqnr_alone_db=sqnr_db(sums.energies[layer.tensor][0], float(own.alone)),
        sqnr_db=ratio[layer.tensor],
        fall_db=_fall(layer, ratio),
        histogram=Histogram(
            low=seen.low,
            high=_upper(seen),
            counts=tuple(int(n) for n in own.counts.reshape(_BINS_SHOWN, -1).sum(axis=1)),
        ),
    )


class _Pair:
    """Two networks in one graph: every operator in float, in int8, and in int8 with float inputs."""

    def __init__(
        self,
        network: Network,
        constants: Constants,
        scheme: Mapping[int, Affine],
        layers: tuple[Layer, ...],
        seen: Mapping[int, Observed],
    ) -> None:
        self.network, self.constants, self.scheme, self.seen = network, constants, scheme, seen
        self.at = {layer.tensor: layer for layer in layers}
        self.rounded = fake_quantizer(network, scheme)

    def look(self, features: Any) -> _Sums:
        """Return sums and counts over a batch [n, *inner]."""
        network = self.network
        exact, rounded = {network.input: features}, {network.input: self._round(network.input, features, ())}
        sums = _Sums(energies={}, layers={})
        self._add(sums, network.input, features, rounded[network.input], rounded[network.input])
        for operator in network.operators:
            of_exact, of_rounded = self._inputs(operator, exact, {}), self._inputs(operator, rounded, {})
            real = compute(network, operator, self._inputs(operator, exact, self.constants))
            int8 = compute(network, operator, of_rounded)
            alone = compute(network, operator, of_exact) if operator.output in self.at else int8
            for index, x, q, a in zip(operator.outputs, real, int8, alone, strict=True):
                exact[index] = x
                rounded[index] = self._round(index, q, of_rounded)
                self._add(sums, index, x, rounded[index], self._round(index, a, of_exact))
        return sums

    def _inputs(self, operator: Operator, values: Mapping[int, Any], constants: Constants) -> list[Any]:
        return [value_of(self.network, index, values, constants) for index in operator.inputs]

    def _round(self, index: int, value: Any, inputs: Sequence[Any]) -> Any:
        # what an operator passes on as it is has been rounded before
        return self.rounded(index, value, inputs) if index in self.at else value

    def _add(self, sums: _Sums, index: int, x: Any, rounded: Any, alone: Any) -> None:
        sums.energies[index] = tf.stack([_energy(x), _energy(x - rounded)])
        if index not in self.at:
            return
        affine, observed = self.scheme[index], self.seen[index]
        steps = tf.clip_by_value(tf.round(x / affine.scale) + affine.zero_point, -128.0, 127.0)
        half = affine.scale / 2
        sums.layers[self.at[index].index] = _LayerSums(
            alone=_energy(x - alone),
            drift=tf.reduce_sum(tf.cast(x - alone, tf.float64), axis=list(range(x.shape.rank - 1))),
            counts=tf.histogram_fixed_width(x, [observed.low, _upper(observed)], _BINS, tf.int64),
            codes=tf.histogram_fixed_width(steps, [-128.0, 128.0], _CODES, tf.int64),
            outside=tf.stack(
                [
                    tf.math.count_nonzero(x < affine.lowest - half),
                    tf.math.count_nonzero(x > affine.highest + half),
                ]
            ),
        )


def _energy(x: Any) -> Any:
    # sums of squares of float32 values, example by example, and of those in float64
    each = tf.reduce_sum(tf.square(x), axis=list(range(1, x.shape.rank)))
    return tf.reduce_sum(tf.cast(each, tf.float64))


def _upper(observed: Observed) -> float:
    """Return the upper end of a histogram: above the lower end even if all values are equal."""
    return max(observed.high, observed.low + max(1e-6, 1e-6 * abs(observed.low)))


def _quantiles(counts: NDArray[np.int64], observed: Observed) -> tuple[float, float]:
    below = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    edges = np.linspace(observed.low, _upper(observed), _BINS + 1)
    # the first place where the share is reached, and the last where it is not yet exceeded
    low = float(edges[max(0, int(np.searchsorted(below, _INNER[0], "right")) - 1)])
    high = float(edges[min(_BINS, int(np.searchsorted(below, _INNER[1], "left")))])
    return max(low, observed.low), min(high, observed.high)


def _unreached(observed: Observed, affine: Affine) -> float:
    reached = min(observed.high, affine.highest) - max(observed.low, affine.lowest)
    return min(1.0, max(0.0, 1.0 - max(0.0, reached) / (affine.highest - affine.lowest)))


def _channel_spread(observed: Observed) -> float | None:
    heard = observed.channel_peak[observed.channel_peak > 0]
    return float(heard.max() / np.quantile(heard, _QUIET_CHANNELS)) if len(heard) else None


def _constant_share(drift: NDArray[np.float64], n_values: int, noise: float) -> float | None:
    """Return the energy of each channel's mean error as a share of the noise: sum_c (sum e)² / n_c / sum e²."""
    return float(np.sum(drift**2) / (n_values / len(drift)) / noise) if noise else None


def _fall(layer: Layer, ratio: Mapping[int, float | None]) -> float | None:
    after = ratio[layer.tensor]
    if layer.operator is None or after is None:
        return None
    before = [noise for index in layer.operator.inputs if (noise := ratio.get(index)) is not None]
    return min(before) - after if before else None
