"""Parameters and multiply-accumulates of a TFLite model, operator by operator, by the rules of the DCASE challenges.

The model may be int8, float32 or mixed, and the engine need not support it. No TensorFlow is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from asc_kit.challenge_rules import NetworkCounts, Precision, Storage
from asc_kit.errors import ModelError
from asc_kit.tflite.inputs import InputShape

from .counting import LayerComplexity
from .operators import RULES, Use
from .reader import FlatModel, FlatOperator, FlatTensor, read_flatbuffer

_VALUES = ("float32", "float16", "int8", "uint8", "int16")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatbufferComplexity:
    """A TFLite model, counted by the rules."""

    counts: NetworkCounts
    """Sums."""
    layers: tuple[LayerComplexity, ...]
    """Every operator, in order."""


def flatbuffer_complexity(
    model: bytes, seconds: float | None, input_shapes: Sequence[InputShape] = ()
) -> FlatbufferComplexity:
    """Count a TFLite model.

    Parameters are the constants that operators compute with: weights, biases and constant operands; not indices, axes
    or shapes. A layer that is used twice has them once.

    Formula, multiply-accumulates: by the rule of 2024 a convolution takes its parameters, bias included, times the
    positions of its output; a dense layer its parameters for each row; a constant operand of a sum or product its
    elements, as batch normalization does. By the tool of 2022 as `macs_of_2022` says.
    Bytes: those of the constants, so 1 for an int8 weight and 4 for an int32 bias. An int8 weight is zero where it is
    the zero point.

    Parameters
    ----------
    model
        The flatbuffer.
    seconds
        Length of the audio of an inference, in seconds; None if unknown.
    input_shapes
        Shapes of inputs that the file leaves free.

    Raises
    ------
    ModelError
        If the file is no model or is damaged, has an operator that no rule names, or leaves sizes free that are not
        given.
    """
    network = read_flatbuffer(model, RULES, input_shapes)
    producers = {index: operator for operator in network.operators for index in operator.outputs}
    counted: set[int] = set()
    layers, constants = [], []
    for operator in network.operators:
        parameters = _parameters(network, operator, producers)
        # weights met before belong to a layer that is used twice; equal biases may share bytes by chance
        new = [] if parameters and parameters[0].buffer in counted else parameters
        counted.update(tensor.buffer for tensor in new[:1])
        constants += new
        layers.append(_layer(network, operator, producers, parameters, new))
    if not constants:
        raise ModelError("the model has no parameters: no operator computes with a constant")
    counts = NetworkCounts(
        trained=True,
        parameters=sum(layer.parameters for layer in layers),
        running_statistics=0,
        nonzero_parameters=sum(layer.nonzero_parameters for layer in layers),
        storage=_storage(constants),
        macs=sum(layer.macs for layer in layers),
        macs_2022=sum(layer.macs_2022 for layer in layers),
        folded=True,
        seconds=seconds,
    )
    return FlatbufferComplexity(counts=counts, layers=tuple(layers))


def _parameters(network: FlatModel, operator: FlatOperator, producers: dict[int, FlatOperator]) -> list[FlatTensor]:
    """Return the constants that an operator computes with, as they are stored."""
    stored = [_stored(network, index, producers) for index in operator.inputs]
    wanted = RULES[operator.op].parameters
    if wanted == "weights":
        if len(stored) < 2 or stored[1] is None:
            raise ModelError(
                f"operator {operator.index} {operator.op}, which computes tensor "
                f"{network.tensors[operator.outputs[0]].describe()}, has no constant weights",
                hint="the rules count weights that are in the model",
            )
        return [tensor for tensor in stored[1:] if tensor is not None]
    if wanted == "none":
        return []
    return [tensor for tensor in stored if tensor is not None and tensor.dtype in _VALUES]


def _stored(network: FlatModel, index: int, producers: dict[int, FlatOperator]) -> FlatTensor | None:
    """Return the constant behind a tensor, also through DEQUANTIZE; None when it is computed."""
    if index in producers and producers[index].op == "DEQUANTIZE":
        index = producers[index].inputs[0]
    if index < 0 or not network.tensors[index].is_constant:
        return None
    return network.tensors[index]


def _layer(
    network: FlatModel,
    operator: FlatOperator,
    producers: dict[int, FlatOperator],
    parameters: list[FlatTensor],
    new: list[FlatTensor],
) -> LayerComplexity:
    output = network.tensors[operator.outputs[0]]
    # SPLIT has its axis first
    computed = [index for index in operator.inputs if index >= 0 and not network.tensors[index].is_constant]
    source = network.tensors[computed[0] if computed else operator.inputs[0]]
    use = Use(network=network, operator=operator, producers=producers, parameters=tuple(parameters))
    return LayerComplexity(
        name=output.name,
        kind=operator.op,
        input_shape=source.shape[1:],
        output_shape=output.shape[1:],
        parameters=sum(tensor.n_elements for tensor in new),
        parameter_bytes=sum(tensor.n_bytes for tensor in new),
        nonzero_parameters=sum(tensor.n_nonzero for tensor in new),
        macs=RULES[operator.op].macs(use),
        macs_2022=RULES[operator.op].macs_2022(use),
    )


def _storage(constants: list[FlatTensor]) -> tuple[Storage, ...]:
    """Return the bytes of the constants as stored and, for a float model, at lower precisions."""
    elements: Counter[str] = Counter()
    for tensor in constants:
        elements[tensor.dtype] += tensor.n_elements
    precision: Precision = "mixed"
    if set(elements) == {"float32"}:
        precision = "float32"
    elif set(elements) == {"float16"}:
        precision = "float16"
    elif set(elements) <= {"int8", "int32"}:
        precision = "int8"
    nonzero = sum(tensor.n_nonzero for tensor in constants)
    own = Storage(
        precision=precision,
        parameter_bytes=sum(tensor.n_bytes for tensor in constants),
        nonzero_bytes=sum(tensor.n_nonzero * tensor.width for tensor in constants),
    )
    below: tuple[tuple[Precision, int], ...] = ()
    if precision == "float32":
        below = (("float16", 2), ("int8", 1))
    elif precision == "float16":
        below = (("int8", 1),)
    total = sum(elements.values())
    return (
        own,
        *(
            Storage(precision=name, parameter_bytes=width * total, nonzero_bytes=width * nonzero)
            for name, width in below
        ),
    )
