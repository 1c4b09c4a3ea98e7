"""Fake quantization: the int8 network in float, with the same rounding of weights and activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..network.affine import Affine, constant_affine
from ..network.execution import Observer
from ..network.graph import Network, Operator, Quantization
from ..network.operators import OPERATORS, Requantize, Scales, passes_on, unsupported
from .scheme import rounded_constant, rounded_weights, weight_scales


def fake_quantizer(
    network: Network,
    scheme: Mapping[int, Affine],
    *,
    keep: frozenset[int] = frozenset(),
    scales: Mapping[int, Any] | None = None,
    exact: bool = True,
) -> Observer:
    """Return an observer that rounds each activation to its int8 values as the kernels do, except those in `keep`.

    Gradients pass where the value is within the range: equation (30) of docs/quantization.md.

    Parameters
    ----------
    network
        The network: `with_rounded_weights`, or read from an int8 flatbuffer.
    scheme
        Scale and zero point of every activation.
    keep
        Activations that stay real, by tensor index.
    scales
        Scales of weights that are not the network's own, [channels] by tensor index.
    exact
        Whether ties are computed in float64. Training needs no such ties: float32 misses one value in 100,000.
    """
    passed_on, rounding = set(), {}
    for operator in network.operators:
        if passes_on(operator):
            passed_on |= set(operator.outputs) if not keep else set()
        else:
            rounding[operator.output] = _requantizer(network, operator, scheme, scales or {}, exact)

    def rounded(index: int, value: Any, inputs: Sequence[Any]) -> Any:
        if index in keep or index in passed_on:
            return value
        affine, requantize = scheme[index], rounding.get(index)
        steps = tf.round(value / affine.scale) if requantize is None else requantize(value, inputs)
        steps = tf.clip_by_value(tf.cast(steps, tf.float32), -128.0 - affine.zero_point, 127.0 - affine.zero_point)
        return _straight_through(value, steps * affine.scale, affine)

    return rounded


def _requantizer(
    network: Network, operator: Operator, scheme: Mapping[int, Affine], scales: Mapping[int, Any], exact: bool
) -> Requantize | None:
    """Return how an operator rounds; None for one that rounds its real output once, equation (5)."""
    if operator.op not in OPERATORS:
        raise unsupported(network, operator, f"operator {operator.op}")
    weights = _scales_of_weights(network, operator, scheme, scales) if operator.has_weights else None
    known = Scales(network=network, operator=operator, scheme=scheme, weights=weights, exact=exact)
    return OPERATORS[operator.op].rounding(known)


def _scales_of_weights(
    network: Network, operator: Operator, scheme: Mapping[int, Affine], scales: Mapping[int, Any]
) -> Any:
    """Return the scales of an operator's weights: given, else stored, else computed by `weight_scales`."""
    if operator.weights in scales:
        return scales[operator.weights]
    stored = network.tensors[operator.weights].quantization
    return stored.scales if stored is not None else weight_scales(network, operator, scheme)


def _straight_through(value: Any, rounded: Any, affine: Affine) -> Any:
    """Return `rounded`, with gradients as if it were the value itself, clipped."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def pass_on(real: Any) -> tuple[Any, Callable[[Any], Any]]:
        return rounded, lambda up: tf.quantization.fake_quant_with_min_max_args_gradient(
            up, real, affine.lowest, affine.highest
        )

    return pass_on(value)


def with_rounded_weights(
    network: Network, scheme: Mapping[int, Affine], *, keep: frozenset[int] = frozenset()
) -> Network:
    """Return the network with weights and operands rounded to int8's values, except operators whose index is in `keep`.

    They are stored with their scales, whose last digit the values alone do not tell.
    """
    constants: dict[int, NDArray[np.float32]] = {}
    stored: dict[int, Quantization] = {}
    for operator in network.operators:
        if operator.index in keep:
            continue
        if operator.has_weights:
            constants[operator.weights] = rounded_weights(network, operator, scheme)
            scales, axis = weight_scales(network, operator, scheme), operator.axes.output
            stored[operator.weights] = Quantization(
                scales=scales, zero_points=np.zeros(len(scales), np.int32), axis=axis
            )
            steps = scales.astype(np.float64) * scheme[operator.inputs[0]].scale
            constants[operator.bias] = np.asarray(np.rint(network.constant(operator.bias) / steps) * steps, np.float32)
            continue
        for index in operator.inputs:
            if index >= 0 and network.is_constant(index) and network.constant(index).dtype == np.float32:
                constants[index] = rounded_constant(network.constant(index))
                affine = constant_affine(network.constant(index))
                stored[index] = Quantization(
                    scales=np.array([affine.scale], np.float32),
                    zero_points=np.array([affine.zero_point], np.int32),
                    axis=0,
                )
    rounded = network.with_constants(constants)
    tensors = tuple(
        replace(tensor, quantization=stored.get(tensor.index, tensor.quantization)) for tensor in rounded.tensors
    )
    return replace(rounded, tensors=tensors)
