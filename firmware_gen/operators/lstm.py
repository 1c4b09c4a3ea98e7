"""UNIDIRECTIONAL_SEQUENCE_LSTM: int8 activations, an int16 cell, all steps of a sequence in one call."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.scales import INT32_LIMIT, quantize_multiplier
from ..network.graph import Tensor
from ..network.kernel_call import ConstantArray, KernelCall
from .base import Node, OperatorDefinition, OperatorView

_GATES = 4
_GATE_SCALE = 2.0**-12
"""TFLite's, of the sums of gates: Q3.12."""
_TANH = 4
"""Code of the only activation that the reference kernel computes in integers, whatever the file says."""
_MOST_CELL_BITS = 6

# TFLite's list of 24 inputs
_INPUT, _WEIGHTS, _RECURRENT, _BIASES, HIDDEN, CELL = 0, range(1, 5), range(5, 9), range(12, 16), 18, 19
_COUPLED = (_WEIGHTS[0], _RECURRENT[0], _BIASES[0])
"""What an LSTM leaves out whose input gate is 1 less its forget gate."""
_UNSUPPORTED = {
    **dict.fromkeys(range(9, 12), "peepholes"),
    **dict.fromkeys(range(16, 18), "a projection"),
    **dict.fromkeys(range(20, 24), "layer normalization"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmAttributes:
    """UNIDIRECTIONAL_SEQUENCE_LSTM."""

    cell_bits: int
    """Integer bits of the cell: its scale is 2**(cell_bits - 15)."""
    clip: int
    """Largest magnitude of the cell, in its steps; 0 for no limit."""


class Lstm(OperatorDefinition[LstmAttributes]):
    """Long short-term memory; hidden state and cell are variables of the network."""

    op = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    options = "UnidirectionalSequenceLSTMOptions"
    may_leave_out = True

    def arrange(self, inputs: tuple[int, ...]) -> tuple[int, ...] | str:
        """Return input, hidden state, cell, weights, recurrent weights and biases, by gate."""
        inputs = (*inputs, *(-1,) * (24 - len(inputs)))
        for position, what in _UNSUPPORTED.items():
            if inputs[position] != -1:
                return what
        left_out = [position for position in _COUPLED if inputs[position] == -1]
        if left_out and len(left_out) != len(_COUPLED):
            return "a part of an input gate"
        order = (_INPUT, HIDDEN, CELL, *_WEIGHTS, *_RECURRENT, *_BIASES)
        return tuple(inputs[position] for position in order if position not in left_out)

    def read(self, view: OperatorView) -> LstmAttributes:
        """Read and check its attributes."""
        source, hidden, cell = view.inputs[:3]
        for tensor in (source, hidden, view.output):
            view.check_activation(tensor)
        gates = _gates(view.inputs)
        inputs, cells = gates[0][0].shape[-1], gates[0][0].shape[0]
        steps = source.n_elements // inputs
        if source.shape not in ((1, steps, inputs), (steps, 1, inputs)) or view.output.n_elements != steps * cells:
            view.fail(f"an input of {source.shape} for weights of {gates[0][0].shape}", "a batch of 1")
        for gate in gates:
            for tensor, shape, dtype in zip(
                gate, ((cells, inputs), (cells, cells), (cells,)), ("int8", "int8", "int32"), strict=True
            ):
                if tensor.data is None or tensor.dtype != dtype or tensor.shape != shape:
                    view.fail(f"tensor {tensor.describe()}", f"constant {dtype} of shape {shape}")
                quantization = tensor.quantization
                one_scale = quantization is not None and len(quantization.scales) == 1
                if dtype == "int8" and not (one_scale and tensor.zero_point == 0):
                    view.fail(f"weights {tensor.describe()}", "one scale, and zero point 0")
        if cell.dtype != "int16" or cell.n_elements != cells or cell.quantization is None or cell.zero_point != 0:
            view.fail(f"its cell {cell.describe()}", f"an int16 variable of {cells} elements with zero point 0")
        fraction, exponent = math.frexp(cell.scale)
        bits = exponent - 1 + 15
        if fraction != 0.5 or not 0 <= bits <= _MOST_CELL_BITS:
            view.fail(f"its cell has scale {cell.scale:.9g}", f"a power of two from 2^-15 to 2^{_MOST_CELL_BITS - 15}")
        if hidden.n_elements != cells or (hidden.scale, hidden.zero_point) != (
            view.output.scale,
            view.output.zero_point,
        ):
            view.fail(f"its hidden state {hidden.describe()} is not what it gives", "the output's quantization")
        if int(view.options.FusedActivationFunction()) != _TANH:
            view.fail(f"fused activation {int(view.options.FusedActivationFunction())}", "TANH")
        limit = float(view.options.CellClip())
        if not 0 <= limit < math.inf:
            view.fail(f"cell_clip {limit}", "0 or a positive limit")
        clip = min(int(np.float32(limit) / np.float32(cell.scale)), 32767)
        return LstmAttributes(cell_bits=bits, clip=clip)

    def lower(self, node: Node[LstmAttributes]) -> KernelCall:
        """Fold zero points into the biases, and prepare each gate's scales."""
        source, hidden, cell = node.inputs[:3]
        gates = _gates(node.inputs)
        is_coupled = len(gates) < _GATES
        if is_coupled:
            gates = [gates[0], *gates]  # never read
        weights, recurrent, biases = ([gate[kind] for gate in gates] for kind in range(3))
        cells, inputs = weights[0].shape
        offsets = [
            _values(tensor) - source.zero_point * _row_sums(of) for tensor, of in zip(biases, weights, strict=True)
        ]
        recurrent_offsets = [-hidden.zero_point * _row_sums(of) for of in recurrent]
        bounds = [
            np.abs(offset) + 128 * np.abs(_values(of)).sum(axis=1)
            for offset, of in zip((*offsets, *recurrent_offsets), (*weights, *recurrent), strict=True)
        ]
        if max(int(bound.max()) for bound in bounds) >= INT32_LIMIT:
            node.refuse_scales("sums of weights and biases below 2^31")
        scales = [_gate_scale(of, source.scale) for of in weights]
        recurrent_scales = [_gate_scale(of, hidden.scale) for of in recurrent]
        unit = np.float32(2.0**-15)
        hidden_multiplier, hidden_shift = quantize_multiplier(float(unit / np.float32(node.output.scale) * unit))

        def array(suffix: str, c_type: str, parts: list[NDArray[np.int64]], shape: str) -> ConstantArray:
            values = np.stack(parts).astype(c_type.removesuffix("_t")).reshape(-1)
            return ConstantArray(suffix=suffix, c_type=c_type, values=values, comment=f"{suffix} of gates, {shape}")

        return KernelCall(
            kernel="asc_lstm_s8",
            struct="asc_lstm_t",
            fields=(
                ("weights", array("weights", "int8_t", [_values(of) for of in weights], f"[4][{cells}][{inputs}]")),
                (
                    "recurrent",
                    array("recurrent", "int8_t", [_values(of) for of in recurrent], f"[4][{cells}][{cells}]"),
                ),
                ("bias", array("bias", "int32_t", offsets, f"[4][{cells}], the input's offset folded in")),
                (
                    "recurrent_bias",
                    array("recurrent_bias", "int32_t", recurrent_offsets, f"[4][{cells}], the hidden state's offset"),
                ),
                ("multiplier", tuple(multiplier for multiplier, _ in scales)),
                ("shift", tuple(shift for _, shift in scales)),
                ("recurrent_multiplier", tuple(multiplier for multiplier, _ in recurrent_scales)),
                ("recurrent_shift", tuple(shift for _, shift in recurrent_scales)),
                ("hidden_multiplier", hidden_multiplier),
                ("hidden_shift", hidden_shift),
                ("zero_point", node.output.zero_point),
                ("steps", source.n_elements // inputs),
                ("inputs", inputs),
                ("cells", cells),
                ("coupled", int(is_coupled)),
                ("cell_bits", node.attributes.cell_bits),
                ("clip", node.attributes.clip),
            ),
            inputs=(source.index,),
            overlap=(None,),
            updates=(hidden.index, cell.index),
            macs=source.n_elements // inputs * (_GATES - is_coupled) * cells * (inputs + cells),
        )


def _gates(inputs: tuple[Tensor, ...]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return weights, recurrent weights and bias of each gate: input, unless coupled, forget, cell, output."""
    count = (len(inputs) - 3) // 3
    constants = inputs[3:]
    return list(zip(constants[:count], constants[count : 2 * count], constants[2 * count :], strict=True))


def _values(tensor: Tensor) -> NDArray[np.int64]:
    assert tensor.data is not None
    return tensor.data.astype(np.int64)


def _row_sums(weights: Tensor) -> NDArray[np.int64]:
    return np.asarray(_values(weights).sum(axis=1))


def _gate_scale(weights: Tensor, scale: float) -> tuple[int, int]:
    """Return multiplier and shift from a sum of products to a gate's scale, in float32 as TFLite."""
    return quantize_multiplier(float(np.float32(weights.scale) * np.float32(scale) / np.float32(_GATE_SCALE)))
