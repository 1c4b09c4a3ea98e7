"""Functions of each element alone: a table of 256 bytes, filled here with the arithmetic of TFLite's kernels.

Equation (23) of docs/quantization.md.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.fixed_point import high_multiply_s16, inverse_square_root, rounding_shift, saturate_s16
from ..arithmetic.scales import activation_range, quantize_multiplier, scale_wide
from ..network.graph import Activation, NoAttributes, Tensor
from ..network.kernel_call import ConstantArray, KernelCall
from .base import AnyNode, AttributesT, Node, OperatorView, RowWise

# of HARD_SWISH: TFLite computes 1 << (exponent - 1) in 32 bits, and rounds with a mask of -exponent bits in 16
_MOST_SHIFT, _LEAST_SHIFT = 31, -15
_MOST_RESCALING = 22  # places: a difference of two int8 values has 9 bits, and TFLite shifts in 32
_Q = np.arange(-128, 128, dtype=np.int64)


class Lookup(RowWise[AttributesT]):
    """A function of each element."""

    options: ClassVar[str | None] = None

    def check(self, view: OperatorView) -> None:
        """Check its tensors."""
        view.check_inputs(1, 1)
        view.check_activations(1)
        if view.inputs[0].shape != view.output.shape:
            view.fail("its input and output have different shapes", "one shape")

    def lower(self, node: Node[AttributesT]) -> KernelCall:
        """Prepare the kernel's table."""
        source, output = node.inputs[0], node.output
        table = np.clip(self.function(node), -128, 127).astype(np.int8)
        comment = f"{self.op} of input + 128, [256], scale {output.scale:.9g}, zero point {output.zero_point}"
        return KernelCall(
            kernel="asc_lookup_s8",
            struct="asc_lookup_t",
            fields=(
                ("table", ConstantArray(suffix="table", c_type="int8_t", values=table, comment=comment)),
                ("n", output.n_elements),
            ),
            inputs=(source.index,),
            overlap=(0,),
            macs=0,
        )

    def by_pixel(self, node: Node[AttributesT]) -> bool:
        """Return True."""
        return True

    @abstractmethod
    def function(self, node: Node[AttributesT]) -> NDArray[np.int64]:
        """Return the outputs of the inputs -128 to 127, before saturation."""


class PlainLookup(Lookup[NoAttributes]):
    """A function that its tensors' scales say all of."""

    def read(self, view: OperatorView) -> NoAttributes:
        """Check its tensors."""
        self.check(view)
        return NoAttributes()


class Logistic(PlainLookup):
    """1 / (1 + exp(-x))."""

    op = "LOGISTIC"

    def read(self, view: OperatorView) -> NoAttributes:
        """Check its tensors."""
        view.check_probabilities()
        return super().read(view)

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Evaluate the function in float32, as TFLite does, and round it to 1/256."""
        # beyond 80 the function is 0 anyway
        real = np.maximum(_real(node.inputs[0]).astype(np.float64), -80.0)
        exponential = np.exp(-real).astype(np.float32)
        return _round_ties_up(np.float32(256.0) / (np.float32(1.0) + exponential)) - 128


class Tanh(PlainLookup):
    """Hyperbolic tangent."""

    op = "TANH"

    def read(self, view: OperatorView) -> NoAttributes:
        """Check its tensors."""
        if (view.output.scale, view.output.zero_point) != (1.0 / 128.0, 0):
            view.fail(f"its output has scale {view.output.scale:.9g}", "scale 1/128 and zero point 0")
        return super().read(view)

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Evaluate the function in float32, as TFLite does, and round it to 1/128.

        Formula: tanh x = 1 - 2 / (e + 2) from 1 up and e / (e + 2) below, with e = exp(2 x) - 1, all in float32.
        Error: the reference calls the C library's tanhf, whose last bit may differ. The outputs do in about one table
        of 100,000, by 1, where a value is so near to a tie.
        """
        real = np.abs(_real(node.inputs[0]))
        two = np.float32(2.0)
        e = np.expm1(np.minimum(2.0 * real.astype(np.float64), 60.0)).astype(np.float32)
        negative_e = np.expm1(-2.0 * real.astype(np.float64)).astype(np.float32)
        magnitude = np.where(real >= 1, np.float32(1.0) - two / (e + two), -negative_e / (negative_e + two))
        return _round_ties_up(magnitude * np.float32(128.0)) * np.where(node.inputs[0].zero_point <= _Q, 1, -1)


class Quantize(PlainLookup):
    """The same numbers with another scale and zero point."""

    op = "QUANTIZE"

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Requantize."""
        source, output = node.inputs[0], node.output
        return _rescale(node, source.scale / output.scale)


class Abs(PlainLookup):
    """Absolute value."""

    op = "ABS"

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Requantize the distance from the zero point; one scale for both needs no rounding."""
        source, output = node.inputs[0], node.output
        multiplier, shift = quantize_multiplier(_ratio_f32(node))
        if shift > _MOST_RESCALING:
            node.refuse_scales(f"an output's scale above 2^-{_MOST_RESCALING} of its input's")
        return scale_wide(np.abs(_Q - source.zero_point), multiplier, shift) + output.zero_point


class _Clipped(PlainLookup):
    """The same numbers, clipped."""

    activation: Activation

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Requantize and clip."""
        return np.clip(_rescale(node, _ratio_f32(node)), *activation_range(self.activation, node.output))


class Relu(_Clipped):
    """max(x, 0)."""

    op = "RELU"
    activation = "RELU"


class Relu6(_Clipped):
    """min(max(x, 0), 6)."""

    op = "RELU6"
    activation = "RELU6"


class ReluN1To1(_Clipped):
    """min(max(x, -1), 1)."""

    op = "RELU_N1_TO_1"
    activation = "RELU_N1_TO_1"


class Relu0To1(_Clipped):
    """min(max(x, 0), 1)."""

    op = "RELU_0_TO_1"
    activation = "RELU_0_TO_1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyReluAttributes:
    """LEAKY_RELU."""

    alpha: float
    """Factor of negative values."""


class LeakyRelu(Lookup[LeakyReluAttributes]):
    """x from 0 up, alpha x below."""

    op = "LEAKY_RELU"
    options = "LeakyReluOptions"

    def read(self, view: OperatorView) -> LeakyReluAttributes:
        """Read and check its attributes."""
        self.check(view)
        alpha = float(view.options.Alpha())
        if not (math.isfinite(alpha) and alpha > 0):
            view.fail(f"alpha {alpha}", "alpha above 0")
        return LeakyReluAttributes(alpha=alpha)

    def function(self, node: Node[LeakyReluAttributes]) -> NDArray[np.int64]:
        """Requantize both sides of the zero point, each with its factor."""
        attributes = node.attributes
        positive = node.inputs[0].zero_point <= _Q
        ratios = _ratio_f32(node), _ratio_f32(node, attributes.alpha)
        return np.where(positive, _rescale(node, ratios[0]), _rescale(node, ratios[1]))


class HardSwish(PlainLookup):
    """x * relu6(x + 3) / 6, in TFLite's 16-bit arithmetic."""

    op = "HARD_SWISH"

    def read(self, view: OperatorView) -> NoAttributes:
        """Check its tensors, and that its scales are those TFLite computes with: beyond, its shifts leave 32 bits."""
        attributes = super().read(view)
        scales = view.inputs[0].scale, view.output.scale
        to_output, to_relu = (math.frexp(ratio)[1] for ratio in self._ratios(*scales))
        if not (_LEAST_SHIFT <= to_output <= 0 and _LEAST_SHIFT <= to_relu <= _MOST_SHIFT):
            view.fail(
                f"scales {scales[0]:.3g} of its input and {scales[1]:.3g} of its output",
                "an output's scale of 1/128 to 512 times the input's, and input scales from 1.8e-7 to 2.5e7",
            )
        return attributes

    @staticmethod
    def _ratios(source: float, output: float) -> tuple[float, float]:
        """Return the scale from the input to the output, and to the part relu6(x + 3) / 6 in Q0.15, both of 128 x."""
        scale = np.float32(source) * np.float32(1.0 / 128.0)
        with np.errstate(over="ignore"):
            return float(scale / np.float32(output)), float(scale / (np.float32(3.0) / np.float32(32768.0)))

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Evaluate the function.

        Formula: with u = 128 (q - zero_point), v = u * m_out in the output's scale before its shift, and r the part
        relu6(x + 3) / 6 from 0 to 1 in Q0.15: y = v * r * 2**e_out, every product rounded as below.
        Source: TFLite's HardSwish, reference kernel.
        """
        source, output = node.inputs[0], node.output
        to_output, to_relu = self._ratios(source.scale, output.scale)
        (out_factor, out_exponent), (relu_factor, relu_exponent) = _multiplier_s16(to_output), _multiplier_s16(to_relu)
        outputs = []
        for q in range(-128, 128):
            value = (q - source.zero_point) << 7
            scaled = high_multiply_s16(value, out_factor)
            gate = value
            if relu_exponent > 0:
                gate = saturate_s16(gate << (relu_exponent - 1))
            gate = high_multiply_s16(gate, relu_factor)
            if relu_exponent > 0:
                gate = saturate_s16(gate << 1)
            elif relu_exponent < 0:
                gate = rounding_shift(gate, -relu_exponent)
            gate = (gate + (1 << 15)) >> 1
            product = gate * scaled
            # toward zero: TFLite divides
            y = saturate_s16(abs(product) >> 15 if product >= 0 else -(abs(product) >> 15))
            outputs.append(rounding_shift(y, -out_exponent) + output.zero_point)
        return np.array(outputs, np.int64)


class _FloatTable(PlainLookup):
    """A function that TFLite evaluates in float32 for each of the 256 inputs.

    Error: the reference calls the C library, whose last bit may differ; the output does, by 1, where a value is that
    near to a tie.
    """

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Evaluate the function, and divide by the output's scale."""
        inverse = np.float32(1.0) / np.float32(node.output.scale)
        with np.errstate(over="ignore"):
            values = self.real(node, _real(node.inputs[0])) * inverse
        wide = np.clip(values.astype(np.float64), -(2.0**30), 2.0**30)
        return np.copysign(np.floor(np.abs(wide) + 0.5), wide).astype(np.int64) + node.output.zero_point

    @abstractmethod
    def real(self, node: Node[NoAttributes], x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the function's values, float32 [256]."""


class Exp(_FloatTable):
    """Exponential function."""

    op = "EXP"

    def real(self, node: Node[NoAttributes], x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Evaluate the function."""
        with np.errstate(over="ignore"):
            return np.exp(x.astype(np.float64)).astype(np.float32)


class Log(_FloatTable):
    """Natural logarithm; the least output for inputs that have none."""

    op = "LOG"

    def real(self, node: Node[NoAttributes], x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Evaluate the function."""
        least = np.float32(-128 - node.output.zero_point) * np.float32(node.output.scale)
        logarithms = np.log(np.where(x > 0, x, 1).astype(np.float64)).astype(np.float32)
        return np.where(x > 0, logarithms, least).astype(np.float32)


class Neg(PlainLookup):
    """The other sign, computed in float32 between a DEQUANTIZE and a QUANTIZE: no kernel of TFLite's takes int8."""

    op = "NEG"

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Divide by the output's scale, and round ties away from zero."""
        steps = (-_real(node.inputs[0]) / np.float32(node.output.scale)).astype(np.float64)
        wide = np.clip(steps, -(2.0**30), 2.0**30)
        return np.copysign(np.floor(np.abs(wide) + 0.5), wide).astype(np.int64) + node.output.zero_point


class Rsqrt(PlainLookup):
    """1 / sqrt(x); the largest output for 0, and for negative inputs, which TFLite refuses to compute."""

    op = "RSQRT"

    def function(self, node: Node[NoAttributes]) -> NDArray[np.int64]:
        """Evaluate the function in TFLite's fixed point.

        Formula: r = S(1; m 2**(e + 20)) with m 2**e = 1 / sqrt(q - zero_point) of `inverse_square_root`, then
        S(r; 2**-20 / (sqrt(scale) scale_out)).
        Source: TFLite's RsqrtEvalQuantizedInt8.
        """
        source, output = node.inputs[0], node.output
        root = float(np.sqrt(np.float32(source.scale)) * np.float32(output.scale))
        multiplier, shift = quantize_multiplier(1.0 / root)
        if shift - _RSQRT_SHIFT > 0:
            node.refuse_scales(f"an output's scale and a square root of its input's above 2^-{_RSQRT_SHIFT} together")
        outputs = np.full(256, 127, np.int64)
        for q in range(source.zero_point + 1, 128):
            factor, exponent = inverse_square_root(q - source.zero_point)
            root_q20 = scale_wide(np.array([1], np.int64), factor, exponent + _RSQRT_SHIFT)
            scaled = scale_wide(root_q20, multiplier, shift - _RSQRT_SHIFT)
            outputs[q + 128] = int(scaled[0]) + output.zero_point
        return outputs


_RSQRT_SHIFT = 20


def _real(tensor: Tensor) -> NDArray[np.float32]:
    return np.float32(tensor.scale) * (_Q - tensor.zero_point).astype(np.float32)


def _round_ties_up(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Round positive values, ties up."""
    return np.floor(values.astype(np.float64) + 0.5).astype(np.int64)


def _ratio_f32(node: AnyNode, factor: float = 1.0) -> float:
    """Return the scale from input to output where TFLite takes it in float32."""
    with np.errstate(over="ignore"):  # quantize_multiplier refuses infinity
        return float(np.float32(node.inputs[0].scale) * np.float32(factor) / np.float32(node.output.scale))


def _rescale(node: AnyNode, scale: float) -> NDArray[np.int64]:
    source, output = node.inputs[0], node.output
    multiplier, shift = quantize_multiplier(scale)
    if shift > _MOST_RESCALING:
        node.refuse_scales(f"an output's scale above 2^-{_MOST_RESCALING} of its input's")
    return scale_wide(_Q - source.zero_point, multiplier, shift) + output.zero_point


def _multiplier_s16(scale: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(scale)
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), shift
