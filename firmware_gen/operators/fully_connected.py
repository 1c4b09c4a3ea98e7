"""FULLY_CONNECTED: equations (9) to (12) and (16) of docs/quantization.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.scales import ChannelScales, activation_range, channel_scales
from ..network.graph import Activation
from ..network.kernel_call import ConstantArray, KernelCall
from .base import AnyNode, Node, OperatorDefinition, OperatorView
from .weights import check_bias_scale, check_weights, describe_weights, folded_bias, weight_scales

_DEFAULT_FORMAT = 0
_WORD = 4  # inputs whose weights lie in one


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnectedAttributes:
    """FULLY_CONNECTED."""

    activation: Activation


def constants_of(node: AnyNode) -> tuple[NDArray[np.int64], ChannelScales]:
    """Return bias with the input offset folded in, shape [outputs], and the scales, one or one for each output."""
    source, weights, output = node.inputs[0], node.inputs[1], node.output
    assert weights.data is not None and weights.quantization is not None
    bias, _ = folded_bias(node, weights.data.astype(np.int64))
    if len(weights.quantization.scales) > 1:
        return bias, channel_scales(
            [source.scale * scale / output.scale for scale in weight_scales(weights, weights.shape[0])]
        )
    # TFLite takes this product in float32, and only for weights with one scale
    product = np.float32(source.scale) * np.float32(weights.scale)
    return bias, channel_scales([float(product) / output.scale])


class FullyConnected(OperatorDefinition[FullyConnectedAttributes]):
    """Product of a matrix of weights and each row of inputs."""

    op = "FULLY_CONNECTED"
    options = "FullyConnectedOptions"
    may_leave_out = True

    def read(self, view: OperatorView) -> FullyConnectedAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 3)
        view.check_activations(1)
        weights = view.inputs[1]
        if len(weights.shape) != 2:
            view.fail(f"weights {weights.describe()}", "layout [outputs, inputs]")
        if int(view.options.WeightsFormat()) != _DEFAULT_FORMAT:
            view.fail("shuffled weights", "weights format DEFAULT")
        outputs, inputs = weights.shape
        rows, remainder = divmod(view.inputs[0].n_elements, inputs)
        if remainder or view.output.n_elements != rows * outputs:
            view.fail(f"weights {weights.describe()} do not fit input and output", "weights [outputs, inputs]")
        check_weights(view, axis=0, channels=outputs)
        check_bias_scale(view)
        return FullyConnectedAttributes(activation=view.read_activation())

    def lower(self, node: Node[FullyConnectedAttributes]) -> KernelCall:
        """Prepare the kernel's constants."""
        attributes = node.attributes
        source, weights, output = node.inputs[0], node.inputs[1], node.output
        assert weights.data is not None
        outputs, inputs = weights.shape
        bias, scales = constants_of(node)
        low, high = activation_range(attributes.activation, output)
        rows = source.n_elements // inputs

        def array(suffix: str, c_type: str, values: np.ndarray, comment: str) -> ConstantArray:
            return ConstantArray(suffix=suffix, c_type=c_type, values=values, comment=comment)

        return KernelCall(
            kernel="asc_fully_connected_s8",
            struct="asc_fully_connected_t",
            fields=(
                (
                    "weights",
                    array(
                        "weights",
                        "int32_t",
                        _pack(weights.data),
                        describe_weights(weights, f"[{outputs}][{-(-inputs // _WORD) * _WORD}] in words"),
                    ),
                ),
                (
                    "bias",
                    array(
                        "bias",
                        "int32_t",
                        bias.astype(np.int32),
                        f"bias with the input offset folded in, int32 [{outputs}]",
                    ),
                ),
                ("multiplier", array("multiplier", "int32_t", scales.multiplier.astype(np.int32), "multiplier, int32")),
                ("shift", array("shift", "int8_t", scales.shift.astype(np.int8), "exponent, int8")),
                ("per_channel", int(len(scales.shift) > 1)),
                ("rows", rows),
                ("inputs", inputs),
                ("outputs", outputs),
                ("zero_point", output.zero_point),
                ("min", low),
                ("max", high),
            ),
            inputs=(source.index,),
            overlap=(None,),
            macs=rows * inputs * outputs,
        )


def _pack(weights: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return weights, shape [outputs, inputs], in words, with zeros up to a whole one."""
    padded = np.pad(weights.astype(np.int8), ((0, 0), (0, -weights.shape[1] % _WORD)))
    return np.ascontiguousarray(padded).reshape(-1).view("<i4").astype(np.int32)
