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


def fully_connected(
    node: Node[FullyConnectedAttributes], *, kernel: str, block: int, multiple: int, scratch: bool
) -> KernelCall | None:
    """Return the kernel, or None where its shifts cannot express the scales.

    Parameters
    ----------
    node
        The operator.
    kernel
        asc_fully_connected_dsp or asc_fully_connected_mve.
    block
        Inputs whose weights lie together: [blocks][4 outputs][block].
    multiple
        Inputs are counted up to a multiple of this.
    scratch
        Whether the kernel widens its inputs.
    """
    attributes = node.attributes
    weights = node.inputs[1]
    assert weights.data is not None
    outputs, inputs = weights.shape
    by_channel = weights.data.astype(np.int64)
    bias, scales = constants_of(node)
    multiplier, exponent = (np.broadcast_to(values, outputs) for values in (scales.multiplier, scales.shift))
    left = max(0, _LEAST_RIGHT - 31 + int(exponent.max()))
    shift = left - 1 - exponent
    zero_point = node.output.zero_point
    sums = np.abs(np.stack(reachable_sums(bias, by_channel))).max()
    rounding = np.array([(1 << int(n) - 1) + (zero_point << int(n)) for n in shift], object)
    # half the products, at most 2^30, are left for the rounding
    if sums << left >= INT32_LIMIT or max(abs(rounding)) >= 1 << 30 or shift.max() > 30:
        return None
    padded = -(-inputs // multiple) * multiple
    fours = -(-outputs // _AT_ONCE)
    low, high = activation_range(attributes.activation, node.output)
    rows = node.inputs[0].n_elements // inputs

    def by_fours(values: NDArray[np.int64]) -> NDArray[np.int32]:
        return np.pad(values.astype(np.int32), (0, fours * _AT_ONCE - outputs)).reshape(fours, _AT_ONCE)

    packed = np.pad(by_channel.astype(np.int8), ((0, fours * _AT_ONCE - outputs), (0, padded - inputs)))
    packed = packed.reshape(fours, _AT_ONCE, padded // block, block).transpose(0, 2, 1, 3)
    words = np.ascontiguousarray(packed).reshape(fours, -1).view("<i4").astype(np.int32)
    ends = np.stack([by_fours(multiplier), by_fours(rounding.astype(np.int64)), by_fours(shift)], axis=2)
    stream = np.concatenate([by_fours(bias), words, ends.reshape(fours, -1)], axis=1)
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
        scratch_bytes=2 * padded if scratch else None,
    )
