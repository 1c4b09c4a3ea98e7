"""The operators that export knows: whatever the files of this folder define, one file for each or for a family.

Values are float32 [n, *inner]: the flatbuffer's batch of 1 is left out, the caller's batch stands in front.
Source: the specification of TFLite's operators; padding SAME puts the odd row or column after the input.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from asc_kit.errors import ModelError

from ..graph import Network, Operator
from .definition import Call, Definition, Requantize, Scales, UnsupportedError, pass_on

__all__ = [
    "OPERATORS",
    "Call",
    "Definition",
    "Requantize",
    "Scales",
    "compute",
    "passes_channels",
    "passes_on",
    "unsupported",
]

_MODULES = (importlib.import_module(f".{module.name}", __name__) for module in pkgutil.iter_modules(__path__))
OPERATORS: dict[str, Definition] = {
    known.op: known for module in _MODULES for known in getattr(module, "DEFINITIONS", ())
}
"""By TFLite's name."""

_ACTIVATIONS: dict[int, Callable[[Any], Any]] = {0: lambda x: x, 1: tf.nn.relu, 3: tf.nn.relu6}


def compute(network: Network, operator: Operator, inputs: Sequence[Any], *, activation: bool = True) -> list[Any]:
    """Compute one operator.

    Parameters
    ----------
    network
        Shapes and constants of axes and sizes.
    operator
        The operator.
    inputs
        A value for each of its inputs: activations [n, *inner], constants in the flatbuffer's layout; None for absent.
    activation
        Whether the fused activation function is applied.

    Raises
    ------
    ModelError
        When the operator is not known here, or treats the examples of a batch as more than that.
    """
    if operator.op not in OPERATORS:
        raise unsupported(network, operator, f"operator {operator.op}")
    try:
        values = OPERATORS[operator.op].compute(Call(network, operator, inputs))
    except UnsupportedError as failure:
        raise unsupported(network, operator, str(failure)) from None
    if not activation:
        return values
    if operator.activation not in _ACTIVATIONS:
        raise unsupported(network, operator, f"the fused activation function number {operator.activation}")
    return [_ACTIVATIONS[operator.activation](value) for value in values]


def passes_on(operator: Operator) -> bool:
    """Tell whether each output of an operator is one of its inputs, so that nothing is rounded."""
    return operator.op in OPERATORS and OPERATORS[operator.op].rounding is pass_on


def passes_channels(network: Network, operator: Operator) -> bool:
    """Tell whether an operator passes channels on, each by itself, and commutes with factors per channel."""
    known = OPERATORS.get(operator.op)
    return known is not None and known.passes_channels is not None and known.passes_channels(network, operator)


def unsupported(network: Network, operator: Operator, what: str) -> ModelError:
    """Return the error for something that cannot be quantized."""
    return ModelError(
        f"layer {network.layer_name(operator)} cannot be quantized: {what} has no int8 form here",
        hint=f"replace it in the model by one of {', '.join(sorted(OPERATORS))}",
    )
