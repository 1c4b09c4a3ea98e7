"""What each operator computes, in TensorFlow: for whole batches, and with gradients.

Values are float32 [n, *inner]: the batch of 1 of the flatbuffer is taken out, that of the caller put in front.
Source: the specification of TFLite's operators; padding SAME puts the odd row or column after the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from asc_kit.errors import ModelError

from .graph import Network, Operator

_ACTIVATIONS: dict[int, tuple[str, Callable[[Any], Any]]] = {
    0: ("NONE", lambda x: x),
    1: ("RELU", tf.nn.relu),
    3: ("RELU6", tf.nn.relu6),
}


def compute(network: Network, operator: Operator, inputs: Sequence[Any], *, activation: bool = True) -> list[Any]:
    """Compute one operator.

    Parameters
    ----------
    network
        Shapes and constants of axes and sizes.
    operator
        Which one.
    inputs
        A value for each of its inputs: activations [n, *inner], constants in the flatbuffer's layout; None for absent.
    activation
        Whether the fused activation function is applied.

    Raises
    ------
    ModelError
        When the operator is not known here, or treats the examples of a batch as more than that.
    """
    function = _FUNCTIONS.get(operator.op)
    if function is None:
        raise unsupported(network, operator, f"operator {operator.op}")
    values = function(_Call(network, operator, inputs))
    if not activation:
        return values
    code = operator.activation
    if code not in _ACTIVATIONS:
        raise unsupported(network, operator, f"the fused activation function number {code}")
    return [_ACTIVATIONS[code][1](value) for value in values]


def unsupported(network: Network, operator: Operator, what: str) -> ModelError:
    """Return the error for something that cannot be quantized."""
    return ModelError(
        f"layer {network.layer_name(operator)} cannot be quantized: {what} has no int8 form here",
        hint=f"replace it in the model by one of {', '.join(sorted(_FUNCTIONS))}",
    )


class _Call:
    """One operator with its values, for the functions below."""

    def __init__(self, network: Network, operator: Operator, inputs: Sequence[Any]) -> None:
        self.network, self.operator, self.inputs = network, operator, inputs
        self.options = operator.options
        self.x: Any = next((value for value in inputs if value is not None), None)

    def refuse(self, what: str) -> ModelError:
        return unsupported(self.network, self.operator, what)

    def constant(self, position: int) -> list[int]:
        """Return a constant input of whole numbers, in a row."""
        if not self.network.is_constant(self.operator.inputs[position]):
            raise self.refuse(f"a computed input {position}")
        return [int(n) for n in np.ravel(self.network.constant(self.operator.inputs[position]))]

    def shape(self, position: int) -> tuple[int, ...]:
        return self.network.tensors[self.operator.inputs[position]].shape

    def axis(self, axis: int, position: int = 0) -> int:
        """Return where an axis of the flatbuffer's tensor is in the batched value; the batch itself is refused."""
        shape = self.shape(position)
        axis = axis % len(shape)
        if shape[0] != 1:
            return axis + 1
        if axis == 0:
            raise self.refuse("work along the batch")
        return axis

    def outputs(self, *values: Any) -> list[Any]:
        """Give values the shapes that the flatbuffer says."""
        tensors = [self.network.tensors[index] for index in self.operator.outputs]
        return [tf.reshape(value, (-1, *tensor.inner)) for value, tensor in zip(values, tensors, strict=True)]


def _conv_2d(call: _Call) -> list[Any]:
    x, weights, bias = call.inputs
    o = call.options
    kernel = tf.transpose(weights, (1, 2, 3, 0))
    groups = x.shape[-1] // kernel.shape[2]
    if groups > 1:
        # TensorFlow has no gradient for groups on every processor: a dense kernel with zeros where groups do not meet
        inputs, outputs = x.shape[-1], kernel.shape[3]
        own = np.kron(np.eye(groups), np.ones((inputs // groups, outputs // groups)))
        kernel = tf.tile(kernel, (1, 1, groups, 1)) * tf.constant(own, tf.float32)
    if x.shape[-1] == 1 and o.StrideH() != o.StrideW():
        # TensorFlow 2.21 with oneDNN computes one channel wrongly where a stride leaves one column: add an empty one
        x = tf.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1)))
        kernel = tf.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0)))
    strides, dilations = (o.StrideH(), o.StrideW()), (o.DilationHFactor(), o.DilationWFactor())
    if dilations == (1, 1):
        return [tf.nn.conv2d(x, kernel, strides, _padding(o)) + bias]
    return [_dilated(x, kernel, strides, dilations, _padding(o)) + bias]


def _dilated(x: Any, kernel: Any, strides: tuple[int, int], dilations: tuple[int, int], padding: str) -> Any:
    """Convolve with a dilation by convolutions without one.

    TensorFlow has a gradient of dilated convolutions only where oneDNN computes them: not with
    TF_ENABLE_ONEDNN_OPTS=0, and on no processor but x86 and Arm. So rows and columns that a kernel's taps can meet are
    put into images of their own, height x width / (dilation x dilation) each, which gives the same sums in the same
    order; a kernel with zeros between its taps has the same gradients at twice the cost
    (3x3, dilation 2, 16 channels, without oneDNN: 20 ms of processor time to 45). Where there is a stride too, images
    would be of different kinds, and the kernel with zeros it is.
    """
    ends, extras = [], []
    for n, taps, stride, dilation in zip(x.shape[1:3], kernel.shape[:2], strides, dilations, strict=True):
        total = max((-(-n // stride) - 1) * stride + (taps - 1) * dilation + 1 - n, 0) if padding == "SAME" else 0
        extras.append(-(n + total) % dilation)
        ends.append((total // 2, total - total // 2))
    if strides == (1, 1):
        around = [(before, after + extra) for (before, after), extra in zip(ends, extras, strict=True)]
        images = tf.nn.conv2d(tf.space_to_batch(x, dilations, around), kernel, 1, "VALID")
        return tf.batch_to_space(images, dilations, [(0, extra) for extra in extras])
    height, width, depth, channels = kernel.shape
    spread = tf.reshape(kernel, (height, 1, width, 1, depth, channels))
    spread = tf.pad(spread, ((0, 0), (0, dilations[0] - 1), (0, 0), (0, dilations[1] - 1), (0, 0), (0, 0)))
    spread = tf.reshape(spread, (height * dilations[0], width * dilations[1], depth, channels))
    reach = [(taps - 1) * dilation + 1 for taps, dilation in zip((height, width), dilations, strict=True)]
    return tf.nn.conv2d(tf.pad(x, ((0, 0), *ends, (0, 0))), spread[: reach[0], : reach[1]], strides, "VALID")


def _depthwise_conv_2d(call: _Call) -> list[Any]:
    x, weights, bias = call.inputs
    o = call.options
    height, width = weights.shape[1:3]
    kernel = tf.reshape(weights, (height, width, x.shape[-1], -1))
    strides, dilations = (o.StrideH(), o.StrideW()), (o.DilationHFactor(), o.DilationWFactor())
    if _is_plus(call, strides, dilations):
        return [_plus(x, kernel) + bias]
    if strides[0] == strides[1] and (dilations == (1, 1) or strides == (1, 1)):
        y = tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), _padding(o), dilations=dilations)
        return [y + bias]
    # TensorFlow wants equal strides, and none with a dilation: all places, then those that the strides reach
    y = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), _padding(o), dilations=dilations)
    first = [0, 0]
    if _padding(o) == "SAME":
        reaches = [(size - 1) * dilation + 1 for size, dilation in zip((height, width), dilations, strict=True)]
        for axis, (n, reach, stride) in enumerate(zip(x.shape[1:3], reaches, strides, strict=True)):
            before = max((-(-n // stride) - 1) * stride + reach - n, 0) // 2
            first[axis] = (reach - 1) // 2 - before
    return [y[:, first[0] :: strides[0], first[1] :: strides[1]] + bias]


def _is_plus(call: _Call, strides: tuple[int, int], dilations: tuple[int, int]) -> bool:
    """Whether kernels are 3x3 of dilation 2, one to a channel, with nothing in their corners.

    Corners must then be zero in `inputs` too.
    """
    weights = call.network.constant(call.operator.weights)
    corners = weights[:, ::2, ::2] if weights.shape[1:3] == (3, 3) else np.ones(1)
    same = _padding(call.options) == "SAME"
    single = weights.shape[3] == call.x.shape[-1]
    return same and single and strides == (1, 1) and dilations == (2, 2) and not corners.any()


def _plus(x: Any, kernel: Any) -> Any:
    """Convolve with a plus of dilation 2; five times as fast as TensorFlow's dilation, which moves every value.

    Rows 2 i and 2 i + 1 become one row twice as wide, so that a dilation of 2 along the rows is one of 1; columns
    2 j and 2 j + 1 likewise become one column of twice as many channels.
    """
    height, width, channels = x.shape[1:]
    x = tf.pad(x, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
    h, w = x.shape[1:3]
    tall, wide = kernel[:, 1:2], kernel[1:2] * tf.constant([1.0, 0.0, 1.0], shape=(1, 3, 1, 1))
    rows = tf.nn.depthwise_conv2d(tf.reshape(x, (-1, h // 2, 2 * w, channels)), tall, (1, 1, 1, 1), "SAME")
    columns = tf.nn.depthwise_conv2d(
        tf.reshape(x, (-1, h, w // 2, 2 * channels)), tf.concat((wide, wide), axis=2), (1, 1, 1, 1), "SAME"
    )
    return (tf.reshape(rows, (-1, h, w, channels)) + tf.reshape(columns, (-1, h, w, channels)))[:, :height, :width]


def _fully_connected(call: _Call) -> list[Any]:
    x, weights, bias = call.inputs
    if not call.options.KeepNumDims() and call.shape(0)[0] != 1 and len(call.shape(0)) > 1:
        raise call.refuse("a matrix product whose rows are not examples")
    rows = tf.reshape(x, (-1, weights.shape[1]))
    return call.outputs(tf.matmul(rows, weights, transpose_b=True) + bias)


def _elementwise(function: Callable[[Any, Any], Any]) -> Callable[[_Call], list[Any]]:
    def compute_it(call: _Call) -> list[Any]:
        rank = len(call.network.tensors[call.operator.output].inner)
        values = []
        for index, value in zip(call.operator.inputs, call.inputs, strict=True):
            if call.network.is_constant(index):
                if len(value.shape) > rank and value.shape[0] != 1:
                    raise call.refuse("a constant that differs along the batch")
                values.append(value)
            else:
                inner = call.network.tensors[index].inner
                values.append(tf.reshape(value, (-1, *[1] * (rank - len(inner)), *inner)))
        return call.outputs(function(*values))

    return compute_it


def _average_pool_2d(call: _Call) -> list[Any]:
    o = call.options
    return [tf.nn.avg_pool2d(call.x, (o.FilterHeight(), o.FilterWidth()), (o.StrideH(), o.StrideW()), _padding(o))]


def _max_pool_2d(call: _Call) -> list[Any]:
    o = call.options
    return [tf.nn.max_pool2d(call.x, (o.FilterHeight(), o.FilterWidth()), (o.StrideH(), o.StrideW()), _padding(o))]


def _reduce(function: Callable[..., Any]) -> Callable[[_Call], list[Any]]:
    def compute_it(call: _Call) -> list[Any]:
        rank = len(call.shape(0))
        axes = [axis % rank for axis in call.constant(1)]
        batch = call.shape(0)[0] == 1
        # a batch of 1 may be reduced without any effect
        kept = [call.axis(axis) for axis in axes if not (batch and axis == 0)]
        return call.outputs(function(call.x, axis=kept, keepdims=True) if kept else call.x)

    return compute_it


def _mean(x: Any, axis: list[int], keepdims: bool) -> Any:
    """Return means along axes, one after the other: sums of few numbers, of which float32 loses less."""
    for one in axis:
        x = tf.reduce_mean(x, axis=one, keepdims=keepdims)
    return x


def _reshape(call: _Call) -> list[Any]:
    return call.outputs(call.x)


def _concatenation(call: _Call) -> list[Any]:
    if any(call.network.is_constant(index) for index in call.operator.inputs):
        raise call.refuse("CONCATENATION of a constant")
    return call.outputs(tf.concat(list(call.inputs), call.axis(call.options.Axis())))


def _split(call: _Call) -> list[Any]:
    position = 1 if call.operator.op == "SPLIT" else 0
    axis = call.constant(0 if call.operator.op == "SPLIT" else 2)[0]
    at = axis % len(call.shape(position))
    sizes = [call.network.tensors[index].shape[at] for index in call.operator.outputs]
    return call.outputs(*tf.split(call.inputs[position], sizes, call.axis(axis, position)))


def _slice(call: _Call) -> list[Any]:
    begin, size = call.constant(1), call.constant(2)
    sides = [slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True)]
    return call.outputs(call.x[_batched(call, sides)])


def _strided_slice(call: _Call) -> list[Any]:
    o = call.options
    if o.EllipsisMask() or o.NewAxisMask() or o.ShrinkAxisMask() & 1:
        raise call.refuse("STRIDED_SLICE with an ellipsis, a new axis or one picked out of the batch")
    sides = []
    for axis, (begin, end, stride) in enumerate(zip(call.constant(1), call.constant(2), call.constant(3), strict=True)):
        bit = 1 << axis
        if o.ShrinkAxisMask() & bit:
            sides.append(slice(begin, begin + 1 or None))
        else:
            sides.append(slice(None if o.BeginMask() & bit else begin, None if o.EndMask() & bit else end, stride))
    return call.outputs(call.x[_batched(call, sides)])


def _batched(call: _Call, sides: list[slice]) -> tuple[slice, ...]:
    return (slice(None), *(sides[1:] if call.shape(0)[0] == 1 else sides))


def _transpose(call: _Call) -> list[Any]:
    order = call.constant(1)
    if call.shape(0)[0] != 1:
        return call.outputs(tf.transpose(call.x, (0, *(axis + 1 for axis in order))))
    if order[0] != 0:
        raise call.refuse("TRANSPOSE that moves the batch")
    return [tf.transpose(call.x, order)]


def _pad(call: _Call) -> list[Any]:
    pairs = np.reshape(call.constant(1), (-1, 2)).tolist()
    if call.shape(0)[0] == 1:
        if pairs[0] != [0, 0]:
            raise call.refuse("PAD of the batch")
        pairs = pairs[1:]
    return [tf.pad(call.x, ((0, 0), *pairs))]


def _pointwise(function: Callable[[Any], Any]) -> Callable[[_Call], list[Any]]:
    return lambda call: [function(call.x)]


def _softmax(call: _Call) -> list[Any]:
    return [tf.nn.softmax(call.options.Beta() * call.x)]


def _leaky_relu(call: _Call) -> list[Any]:
    return [tf.nn.leaky_relu(call.x, call.options.Alpha())]


def _padding(options: Any) -> str:
    return "VALID" if options.Padding() else "SAME"


_FUNCTIONS: dict[str, Callable[[_Call], list[Any]]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "ADD": _elementwise(lambda a, b: a + b),
    "SUB": _elementwise(lambda a, b: a - b),
    "MUL": _elementwise(lambda a, b: a * b),
    "AVERAGE_POOL_2D": _average_pool_2d,
    "MAX_POOL_2D": _max_pool_2d,
    "MEAN": _reduce(_mean),
    "REDUCE_MAX": _reduce(tf.reduce_max),
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "CONCATENATION": _concatenation,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
    "PAD": _pad,
    "SOFTMAX": _softmax,
    "LOGISTIC": _pointwise(tf.sigmoid),
    "TANH": _pointwise(tf.tanh),
    "RELU": _pointwise(tf.nn.relu),
    "RELU6": _pointwise(tf.nn.relu6),
    "LEAKY_RELU": _leaky_relu,
    "HARD_SWISH": _pointwise(lambda x: x * tf.nn.relu6(x + 3.0) / 6.0),
}
