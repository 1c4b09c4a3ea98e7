"""The float network for the comparison: the run's weights, put into the int8 network's graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import BundleManifest
from asc_kit.errors import AscKitError, ModelError
from asc_kit.run import RunManifest

from ..network.graph import Network, Operator
from ..network.operators import passes_channels

# Rounding moves a weight by half a step; the rest is for float32.
_MOST_STEPS = 0.51
# of weights, symmetric int8
_WEIGHT_MAX = 127

Constants = dict[int, NDArray[Any]]
"""Values in place of an int8 network's constants, by tensor index."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mismatch:
    """The weight with the largest distance from its int8 form."""

    layer: str
    """Name of the layer."""
    steps: float
    """That distance, in steps of the weight's scale."""


def check_provenance(bundle: BundleManifest, run: RunManifest) -> None:
    """Make sure that a bundle says it comes from a run like this one.

    Raises
    ------
    ModelError
        Naming the first thing that differs.
    """
    pairs: tuple[tuple[str, object, object], ...] = (
        ("model", bundle.name, run.name),
        ("task", bundle.task, run.task),
        ("labels", ", ".join(bundle.labels), ", ".join(run.labels)),
        ("front end", bundle.frontend.spec_id, run.frontend.spec_id),
        ("output", bundle.output_activation, run.output_activation),
        ("distance of windows", bundle.hop_samples, run.hop_samples),
        ("seed", bundle.provenance.seed, run.seed),
        ("fingerprint of the training clips", bundle.provenance.train_data_id, run.train_data_id),
    )
    for what, of_bundle, of_run in pairs:
        if of_bundle != of_run:
            raise ModelError(
                f"the bundle was not made from this run: its {what} differs. Expected: {of_bundle}. Received: {of_run}",
                hint="give the run that was exported, or leave --run out",
            )


def matching_constants(int8: Network, real: Network) -> Constants:
    """Return the constants of a float network, by the tensor indices of its int8 form.

    Raises
    ------
    ModelError
        When operators, shapes or connections differ.
    """
    if len(int8.operators) != len(real.operators):
        raise _other_network(f"{len(real.operators)} operators instead of {len(int8.operators)}")
    place = {int8.input: real.input}
    constants: Constants = {}
    for ours, theirs in zip(int8.operators, real.operators, strict=True):
        where = f"operator {ours.index} ({ours.op})"
        if ours.op != theirs.op or len(ours.inputs) != len(theirs.inputs) or len(ours.outputs) != len(theirs.outputs):
            raise _other_network(f"{theirs.op} in place of {where}")
        for mine, other in zip(ours.inputs, theirs.inputs, strict=True):
            if mine < 0 or other < 0:
                alike = mine == other
            elif int8.is_constant(mine):
                alike = real.is_constant(other) and int8.tensors[mine].shape == real.tensors[other].shape
            else:
                alike = place.get(mine) == other
            if not alike:
                raise _other_network(f"other inputs of {where}")
            if mine >= 0 and int8.is_constant(mine) and real.constant(other).dtype == np.float32:
                constants[mine] = real.constant(other)
        for mine, other in zip(ours.outputs, theirs.outputs, strict=True):
            if int8.tensors[mine].shape != real.tensors[other].shape:
                raise _other_network(f"another shape of the output of {where}")
            place[mine] = other
    return constants


def largest_mismatch(network: Network, constants: Constants) -> Mismatch:
    """Return the largest distance of an int8 network's weights from the constants that they were rounded from."""
    worst = Mismatch(layer="", steps=0.0)
    for operator in network.weighted:
        scales, axis = _scales(network, operator)
        along = [1] * network.constant(operator.weights).ndim
        along[axis] = -1
        off = np.abs(network.constant(operator.weights).astype(np.float64) - constants[operator.weights])
        steps = float((off / scales.reshape(along)).max())
        if steps > worst.steps:
            worst = Mismatch(layer=network.layer_name(operator), steps=steps)
    return worst


def rounded_from(network: Network, constants: Constants) -> bool:
    """Tell whether the weights of an int8 network are these constants, rounded."""
    return largest_mismatch(network, constants).steps <= _MOST_STEPS


def check_rounded(network: Network, constants: Constants) -> None:
    """Make sure that the weights of an int8 network are these constants, rounded.

    Raises
    ------
    ModelError
        Naming the layer that is furthest off.
    """
    worst = largest_mismatch(network, constants)
    if worst.steps > _MOST_STEPS:
        raise ModelError(
            f"the bundle was not made from this run: weights of layer {worst.layer} are up to "
            f"{worst.steps:,.1f} int8 steps from the run's, expected half a step at most",
            hint="give the run that was exported, or leave --run out",
        )


def as_equalized(network: Network, constants: Constants) -> Constants:
    """Move factors between layers as the export's equalization did, so that values compare channel by channel.

    The stored scales tell the factors: a channel's scale is its largest weight over 127, so the run's weights give the
    divisor of each output channel. The next layers were multiplied by the same factors.

    Formula: s_out[c] = max |w[c] s_in| / (127 scale[c]), w the run's weights; w' = w s_in / s_out, b' = b / s_out.
    """
    factor: dict[int, NDArray[np.float64]] = {}
    moved = dict(constants)
    for operator in network.operators:
        before = factor.get(operator.inputs[0])
        if before is not None and passes_channels(network, operator):
            factor[operator.output] = before
        if not operator.has_weights:
            continue
        scales, axis = _scales(network, operator)
        weights = constants[operator.weights].astype(np.float64)
        if before is not None and len(before) == weights.shape[operator.axes.input]:
            weights = weights * _along(before, operator.axes.input, weights.ndim)
        largest = np.abs(weights).max(axis=tuple(n for n in range(weights.ndim) if n != axis))
        share = np.where(largest > 0, largest / (_WEIGHT_MAX * scales), 1.0)
        factor[operator.output] = share
        moved[operator.weights] = np.asarray(weights / _along(share, axis, weights.ndim), np.float32)
        moved[operator.bias] = np.asarray(constants[operator.bias] / share, np.float32)
    return moved


def _scales(network: Network, operator: Operator) -> tuple[NDArray[np.float64], int]:
    stored = network.tensors[operator.weights].quantization
    if stored is None:
        raise ModelError(f"the weights of layer {network.layer_name(operator)} have no scale: this is no int8 network")
    axis = operator.axes.output
    channels = network.tensors[operator.weights].shape[axis]
    return np.broadcast_to(stored.scales.astype(np.float64), (channels,)), axis


def _along(values: NDArray[np.float64], axis: int, rank: int) -> NDArray[np.float64]:
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)


def _other_network(what: str) -> AscKitError:
    return ModelError(
        f"the bundle was not made from this run: its network has {what}",
        hint="give the run that was exported, or leave --run out",
    )
