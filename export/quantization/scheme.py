"""Scales and zero points of all tensors, and the integers that follow from them.

Equations are those of docs/quantization.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError

from ..network.affine import Affine, affine_of, constant_affine
from ..network.graph import Network, Operator
from ..network.operators import OPERATORS, unsupported

SAME_SCALE = frozenset(op for op, known in OPERATORS.items() if known.shared_scale)
"""Operators whose inputs and outputs must have one quantization in TFLite."""

FIXED_OUTPUT = {op: known.fixed_output for op, known in OPERATORS.items() if known.fixed_output is not None}
"""Quantizations that TFLite's kernels prescribe for outputs, whatever the values, by operator."""

WEIGHT_MAX = 127
"""Weights are symmetric, so -128 is never used."""

LEAST_SCALE = 1e-30
"""Weights in steps finer than this are zeros: times a scale of activations they would leave the range of float32."""

BIAS_MAX = 2.0**29
"""Largest int32 bias: a quarter of the range, which leaves room for the sum it is added to."""

Ranges = Mapping[int, tuple[float, float]]
"""Lowest and highest real value of an activation's range, by tensor index."""


def groups(network: Network) -> dict[int, int]:
    """Return a representative for each activation: those that share it must have one quantization.

    Raises
    ------
    ModelError
        When an operator joins tensors whose quantizations TFLite prescribes, and differently; or a tensor with a
        constant.
    """
    parent = {index: index for index in network.activations}

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for operator in network.operators:
        if operator.op in SAME_SCALE:
            for index in (*operator.inputs, *operator.outputs[1:]):
                if index in parent:
                    parent[root(index)] = root(operator.output)
                elif index >= 0 and not _is_index(network, index):
                    raise unsupported(network, operator, f"{operator.op} of a constant")
    result = {index: root(index) for index in parent}
    fixed = _fixed(network, result)
    for operator in network.operators:
        if operator.op == "CONCATENATION" and result[operator.output] in fixed:
            _check_concatenation(network, operator)
    return result


def _fixed(network: Network, group_of: Mapping[int, int]) -> dict[int, Affine]:
    """Return the prescribed quantization of the groups that hold an output with one."""
    return {
        group_of[operator.output]: FIXED_OUTPUT[operator.op]
        for operator in network.operators
        if operator.op in FIXED_OUTPUT
    }


def _check_concatenation(network: Network, operator: Operator) -> None:
    """Make sure that probabilities are joined only with probabilities."""
    if len(_sources(network, operator.output)) > 1:
        raise ModelError(
            f"layer {network.layer_name(operator)} (CONCATENATION) joins outputs of LOGISTIC, SOFTMAX or TANH with "
            "other tensors: int8 needs one scale for all of them, and TFLite prescribes the scale of such outputs",
            hint="join the tensors before that function, or use another function",
        )


def _sources(network: Network, index: int) -> set[Affine | None]:
    """Return the prescribed quantizations of the values in a tensor; None stands for a free one."""
    producer = network.producer(index)
    if producer is None or producer.op not in SAME_SCALE:
        return {FIXED_OUTPUT.get(producer.op) if producer is not None else None}
    passed_on = [source for source in producer.inputs if source >= 0 and not _is_index(network, source)]
    return set[Affine | None]().union(*(_sources(network, source) for source in passed_on))


def _is_index(network: Network, index: int) -> bool:
    """Tell whether a tensor holds axes or sizes."""
    return network.is_constant(index) and network.constant(index).dtype == np.int32


def scheme_of(network: Network, ranges: Ranges) -> dict[int, Affine]:
    """Return the quantization of every activation, by tensor index.

    Parameters
    ----------
    network
        The network.
    ranges
        Range of every activation; a group's range is the union of its members'.
    """
    group_of = groups(network)
    union: dict[int, tuple[float, float]] = {}
    for index, group in group_of.items():
        low, high = ranges[index]
        before = union.get(group, (0.0, 0.0))
        union[group] = (min(before[0], low), max(before[1], high))
    fixed = _fixed(network, group_of)
    return {index: fixed.get(group) or affine_of(*union[group]) for index, group in group_of.items()}


def weight_scales(network: Network, operator: Operator, scheme: Mapping[int, Affine]) -> NDArray[np.float32]:
    """Return the scale of each output channel's weights, float32 [channels]: equation (4).

    Formula: max |w| / 127 over the channel; more where the bias would not fit into int32 otherwise. Operators that
    share their weights get the same scales.
    """
    weights, axis = network.constant(operator.weights), operator.axes.output
    largest = np.abs(weights).max(axis=tuple(n for n in range(weights.ndim) if n != axis)).astype(np.float64)
    scales = largest / WEIGHT_MAX
    for reader in network.consumers(operator.weights):
        if not reader.has_weights:  # a constant operand too
            continue
        bias = np.abs(network.constant(reader.bias).astype(np.float64))
        scales = np.maximum(scales, bias / (scheme[reader.inputs[0]].scale * BIAS_MAX))
    # a channel of zeros only: any scale is right, that of its neighbours keeps the arithmetic ordinary
    heard = scales > LEAST_SCALE
    usual = scales[heard].mean() if heard.any() else 1.0
    return np.asarray(np.where(heard, scales, usual), np.float32)


def quantized_weights(weights: NDArray[np.float32], scales: NDArray[np.float32], axis: int) -> NDArray[np.int8]:
    """Return weights as int8: equation (4), rounded to nearest, symmetric."""
    along = [1] * weights.ndim
    along[axis] = -1
    steps = np.rint(weights.astype(np.float64) / scales.astype(np.float64).reshape(along))
    return np.clip(steps, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)


def quantized_constant(values: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return a constant operand as int8."""
    affine = constant_affine(values)
    steps = np.rint(values.astype(np.float64) / affine.scale) + affine.zero_point
    return np.asarray(np.clip(steps, -128, 127), np.int8)


def rounded_constant(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the real values of a quantized constant operand."""
    affine = constant_affine(values)
    steps = quantized_constant(values).astype(np.float64) - affine.zero_point
    return np.asarray(steps * affine.scale, np.float32)


def rounded_weights(network: Network, operator: Operator, scheme: Mapping[int, Affine]) -> NDArray[np.float32]:
    """Return the real values of an operator's quantized weights, in the weights' shape."""
    axis = operator.axes.output
    scales = weight_scales(network, operator, scheme)
    weights = network.constant(operator.weights)
    along = [1] * weights.ndim
    along[axis] = -1
    steps = quantized_weights(weights, scales, axis).astype(np.float64)
    return np.asarray(steps * scales.astype(np.float64).reshape(along), np.float32)
