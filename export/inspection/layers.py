"""The layers of an int8 network, and its stored scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asc_kit.errors import ModelError

from ..network.affine import Affine
from ..network.graph import Network, Operator
from ..network.operators import passes_on
from ..quantization.scheme import groups

INPUT = -1
"""Index of the layer that stands for the network's input."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """Where values are rounded: the output of an operator that computes new ones, or the input."""

    index: int
    """Index of the operator; `INPUT` for the input."""
    tensor: int
    """Index of its output tensor."""
    name: str
    """Its name, for people."""
    op: str
    """TFLite's name, or ``INPUT``."""
    operator: Operator | None
    """None for the input."""
    sharing: tuple[int, ...]
    """Indices of other layers that TFLite wants to have the same scale: before and after a pool, within a
    CONCATENATION."""


def stored_scheme(network: Network) -> dict[int, Affine]:
    """Return the quantization of each activation of an int8 network, by tensor index.

    Raises
    ------
    ModelError
        When one has none, or several scales.
    """
    scheme = {}
    for index in network.activations:
        stored = network.tensors[index].quantization
        if stored is None or len(stored.scales) != 1:
            raise ModelError(
                f"tensor {network.tensors[index].name} has no scale of its own: this is no int8 network",
                hint="export the run again",
            )
        scheme[index] = Affine(scale=float(stored.scales[0]), zero_point=int(stored.zero_points[0]))
    return scheme


def layers_of(network: Network, scheme: Mapping[int, Affine]) -> tuple[Layer, ...]:
    """Return the layers in order of execution, the input first."""
    layers = [Layer(index=INPUT, tensor=network.input, name="input", op="INPUT", operator=None, sharing=())]
    for operator in network.operators:
        before = [index for index in operator.inputs if index in scheme]
        rescaled = any(scheme[index] != scheme[operator.output] for index in before)
        # others pass values on as they are, and add no noise of their own
        if not passes_on(operator) or rescaled:
            # the converter gives the output a name of its own
            name = "output" if operator.output == network.output else network.layer_name(operator)
            layers.append(
                Layer(
                    index=operator.index, tensor=operator.output, name=name, op=operator.op, operator=operator,
                    sharing=(),
                )
            )  # fmt: skip
    group = groups(network)
    return tuple(
        replace(
            layer,
            sharing=tuple(
                other.index for other in layers if other is not layer and group[other.tensor] == group[layer.tensor]
            ),
        )
        for layer in layers
    )
