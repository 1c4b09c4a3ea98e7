"""FULLY_CONNECTED for cores with vector instructions: equations (9) to (12) and (16) of docs/quantization.md."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.requantization_search import reachable_sums
from ..arithmetic.scales import INT32_LIMIT, activation_range
from ..network.kernel_call import ConstantArray, KernelCall
from ..operators.base import Node
from ..operators.fully_connected import FullyConnectedAttributes, constants_of
from ..operators.weights import describe_weights

_AT_ONCE = 4  # outputs
_WORD = 4
_LEAST_RIGHT = 33  # so that the low half of the product is never looked at
_RAISED = 8  # bits by which sums of pairs of weights are raised


def fully_connected_mve(node: Node[FullyConnectedAttributes]) -> KernelCall | None:
    """Return the kernel of the MVE set, or None where its shifts cannot express the scales."""
    return _fully_connected(node, kernel="asc_fully_connected_mve", block=16, multiple=16)


def fully_connected_dsp(node: Node[FullyConnectedAttributes]) -> KernelCall | None:
    """Return a kernel of the DSP set, or None where its shifts cannot express the scales.

    The usual one takes pairs of weights as numbers of 16 bits: see asc_fully_connected_dsp.S.
    """
    weights = node.inputs[1].data
    assert weights is not None
    usual = None
    if fit_pairs(weights) and activation_range(node.attributes.activation, node.output) == (-128, 127):
        usual = _fully_connected(node, kernel="asc_fully_connected_dsp", block=4, multiple=16, raised=_RAISED)
    return usual or _fully_connected(node, kernel="asc_fully_connected_wide_dsp", block=4, multiple=8)


def fit_pairs(weights: NDArray[np.int8]) -> bool:
    """Tell whether w[2k] + 256 w[2k + 1] fits 16 bits for all pairs of weights, shape [outputs, inputs]."""
    even, odd = (weights[:, start : weights.shape[1] // 2 * 2 : 2] for start in (0, 1))
    return not bool(np.any((odd == -128) & (even < 0)))


def _fully_connected(
    node: Node[FullyConnectedAttributes], *, kernel: str, block: int, multiple: int, raised: int = 0
) -> KernelCall | None:
    """Return a kernel, or None where its shifts cannot express the scales.

    Parameters
    ----------
    node
        The operator.
    kernel
        Its name.
    block
        Inputs whose weights lie together: [blocks][4 outputs][block].
    multiple
        Inputs are counted up to a multiple of this.
    raised
        0, or how many bits sums are shifted to the left while weights are in pairs.
    """
    attributes = node.attributes
    weights = node.inputs[1]
    assert weights.data is not None
    outputs, inputs = weights.shape
    by_channel = weights.data.astype(np.int64)
    bias, scales = constants_of(node)
    multiplier, exponent = (np.broadcast_to(values, outputs) for values in (scales.multiplier, scales.shift))
    left = max(raised, _LEAST_RIGHT - 31 + int(exponent.max()))
    shift = left - 1 - exponent
    zero_point = node.output.zero_point
    sums = np.abs(np.stack(reachable_sums(bias, by_channel))).max()
    rounding = np.array([(1 << int(n) - 1) + (zero_point << int(n)) for n in shift], object)
    # half the products, at most 2^30, are left for the rounding
    if raised and left > raised:
        return None
    if sums << left >= INT32_LIMIT or max(abs(rounding)) >= 1 << 30 or shift.max() > 30:
        return None
    padded = -(-inputs // multiple) * multiple
    fours = -(-outputs // _AT_ONCE)
    low, high = activation_range(attributes.activation, node.output)
    rows = node.inputs[0].n_elements // inputs

    def by_fours(values: NDArray[np.int64]) -> NDArray[np.int32]:
        return np.pad(values.astype(np.int32), (0, fours * _AT_ONCE - outputs)).reshape(fours, _AT_ONCE)

    packed = np.pad(by_channel, ((0, fours * _AT_ONCE - outputs), (0, padded - inputs)))
    starts = bias
    if raised:
        starts = (bias + 127 * by_channel[:, 1::2].sum(axis=1)) << raised
        # one number of 16 bits with the weight before, of which it takes the borrow
        packed[:, 1::2] -= packed[:, ::2] < 0
    packed = packed.astype(np.int8)
    packed = packed.reshape(fours, _AT_ONCE, padded // block, block).transpose(0, 2, 1, 3)
    words = np.ascontiguousarray(packed).reshape(fours, -1).view("<i4").astype(np.int32)
    ends = np.stack([by_fours(multiplier), by_fours(rounding.astype(np.int64)), by_fours(shift)], axis=2)
    stream = np.concatenate([by_fours(starts), words, ends.reshape(fours, -1)], axis=1)
    return KernelCall(
        kernel=kernel,
        struct="asc_fully_connected_core_t",
        fields=(
            (
                "stream",
                ConstantArray(
                    suffix="stream",
                    c_type="int32_t",
                    values=stream.reshape(-1),
                    comment=f"{fours} times: starts, weights [{padded // block}][4][{block}], constants of 4 outputs; "
                    + describe_weights(weights, "in words"),
                ),
            ),
            ("rows", rows),
            ("inputs", inputs),
            ("outputs", outputs),
            ("blocks", padded // block),
            ("left", left),
            ("min", low),
            ("max", high),
        ),
        inputs=(node.inputs[0].index,),
        overlap=(None,),
        macs=rows * inputs * outputs,
        scratch_bytes=2 * padded if kernel.endswith("dsp") else None,
    )
