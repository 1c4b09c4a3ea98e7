"""Quantization-aware training: a float network adapts to int8, with its own earlier self as the teacher.

Sources: B. Jacob et al., *Quantization and training of neural networks for efficient integer-arithmetic-only
inference* (2018), section 3; R. Krishnamoorthi, *Quantizing deep convolutional networks for efficient inference*
(2018), section 3.2; G. Hinton, O. Vinyals, J. Dean, *Distilling the knowledge in a neural network* (2015).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.dataset import Task
from asc_kit.errors import ModelError
from asc_kit.process.console import progress_bar
from asc_kit.quantization import QuantizationSettings

from ..network.affine import Affine
from ..network.execution import Observer, execute
from ..network.graph import Network, Operator, logits_of
from .scheme import BIAS_MAX, FIXED_OUTPUT, LEAST_SCALE, WEIGHT_MAX, Ranges, groups, scheme_of
from .simulation import fake_quantizer

# share of the running ranges that a step keeps
_MOMENTUM = 0.95
# share of the steps after which ranges stay as they are
_FROZEN_AFTER = 0.5
# steps whose average the later ones are compared with
_FIRST_STEPS = 20
# how much wider or narrower a range may become than the calibration has it
_MOST_CHANGE = 2.0
# a range's end below this is 0
_LEAST_END = 1e-7
# weights beyond this come from a training that has blown up, though they may still be numbers
_LARGEST = 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingWindows:
    """The training data of fine-tuning."""

    inputs: NDArray[np.int8]
    """The network's quantized inputs, [n, *inner]."""
    targets: NDArray[np.float32]
    """1 for each class of a window, else 0: [n, n_labels]."""
    teacher_logits: NDArray[np.float32]
    """The float network's logits of the unquantized inputs, [n, n_labels]."""


def fine_tune(
    network: Network,
    ranges: Ranges,
    windows: TrainingWindows,
    task: Task,
    settings: QuantizationSettings,
    seed: int,
) -> tuple[Network, dict[int, Affine]]:
    """Fine-tune the weights of a network under fake quantization; gives the network and its scheme.

    Weights are rounded per output channel, activations per tensor, both with a gradient that ignores the rounding:
    equations (28) to (31) of docs/quantization.md. For the first half of the steps ranges grow and shrink with a moving
    average of the batches' extremes; then they stay. Weights that are exactly 0 stay 0. Kernels of equal values stay as
    they are, since they are averages and not learned. A layer whose biases are all 0 gets no biases.

    Raises
    ------
    ModelError
        When the training diverges.
    """
    trained = _Trained(network)
    batch_size = min(settings.qat_batch_size, len(windows.inputs))
    steps = settings.qat_epochs * (len(windows.inputs) // batch_size)
    freezes_at = int(_FROZEN_AFTER * steps)
    scheme = scheme_of(network, ranges)
    ranges_of = _RunningRanges(
        network,
        scheme,
        clips=settings.calibration != "min_max",
        # a training of a few steps must not end before ranges begin to move
        first_steps=max(1, min(_FIRST_STEPS, freezes_at // 4)),
    )
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.qat_learning_rate, steps))
    optimizer.build(trained.variables)
    loss_of = _loss(task, settings)
    logits = logits_of(network)
    input_affine = scheme[network.input]

    def step(inputs: Any, targets: Any, teacher: Any, *, frozen: Mapping[int, Affine] | None) -> Any:
        features = (tf.cast(inputs, tf.float32) - input_affine.zero_point) * input_affine.scale
        with tf.GradientTape() as tape:
            scales = trained.scales(frozen or scheme)
            # in the second half it is the simulation that the board is compared with, but for the precision of ties
            rounding = fake_quantizer(network, frozen, scales=scales, exact=False) if frozen else ranges_of.observer()
            outputs = execute(network, features, constants=trained.constants(scales), observe=rounding, wanted=logits)
            loss = tf.reduce_mean(loss_of(tf.reshape(outputs, (-1, targets.shape[-1])), targets, teacher))
        gradients = trained.masked(tape.gradient(loss, trained.variables))
        optimizer.apply(gradients, trained.variables)
        if not frozen:
            ranges_of.move()
        return loss

    run_step = tf.function(functools.partial(step, frozen=None), autograph=False)
    rng = np.random.default_rng(seed)
    done, average = 0, math.nan
    with progress_bar("fine-tuning", steps) as (bar, task_id):
        for _ in range(settings.qat_epochs):
            order = rng.permutation(len(windows.inputs))
            for start in range(0, len(order) - batch_size + 1, batch_size):
                batch = np.sort(order[start : start + batch_size])
                arrays = (windows.inputs[batch], windows.targets[batch], windows.teacher_logits[batch])
                if done == freezes_at:
                    scheme = ranges_of.final()
                    run_step = tf.function(functools.partial(step, frozen=scheme), autograph=False)
                loss = float(run_step(*(tf.constant(array) for array in arrays)))
                blown_up = done + 1 == steps and not trained.are_finite()
                if blown_up or not math.isfinite(loss):
                    weights = f"; weights are beyond {_LARGEST:g}" if blown_up else ""
                    raise ModelError(
                        f"fine-tuning diverged: the loss is {loss:g} in step {done + 1} of {steps}, "
                        f"{average:.3g} before{weights}",
                        hint=f"lower its learning rate: --qat-learning-rate {settings.qat_learning_rate / 3:.2g}",
                    )
                average = loss if math.isnan(average) else 0.95 * average + 0.05 * loss
                done += 1
                bar.update(task_id, advance=1, note=f"loss {average:.3f}")
    return trained.network(), scheme


class _Trained:
    """The weights that fine-tuning moves."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._axis: dict[int, int] = {}
        self._variables: dict[int, tf.Variable] = {}
        self._masks: dict[int, tf.Tensor] = {}
        for operator in network.weighted:
            weights = network.constant(operator.weights)
            self._axis[operator.weights] = operator.axes.output
            if not _is_average(operator, weights):
                self._add(operator.weights, weights, weights != 0)
                bias = network.constant(operator.bias)
                if bias.any():  # a layer without biases, as far as anyone can tell, gets none
                    self._add(operator.bias, bias, np.ones_like(bias))

    def _add(self, index: int, values: NDArray[Any], free: NDArray[Any]) -> None:
        self._variables[index] = tf.Variable(values, name=f"constant_{index}")
        self._masks[index] = tf.constant(free.astype(np.float32))

    @property
    def variables(self) -> list[Any]:
        return list(self._variables.values())

    def are_finite(self) -> bool:
        """Whether all weights are finite, and of a size that networks use."""
        return all(bool(np.all(np.abs(variable.numpy()) < _LARGEST)) for variable in self.variables)

    def masked(self, gradients: list[Any]) -> list[Any]:
        """Set the gradients of weights that stay 0 to 0."""
        pairs = zip(gradients, self._masks.values(), strict=True)
        return [None if gradient is None else gradient * mask for gradient, mask in pairs]

    def scales(self, scheme: Mapping[int, Affine]) -> dict[int, Any]:
        """Return the scales of the weights, [channels] by tensor index, as `weight_scales` computes them."""
        by_tensor: dict[int, Any] = {}
        for operator in self._network.weighted:
            index, axis = operator.weights, operator.axes.output
            weights = self._value(index)
            others = [n for n in range(weights.shape.rank) if n != axis]
            largest = tf.reduce_max(tf.abs(weights), others) / WEIGHT_MAX
            for_bias = tf.abs(self._value(operator.bias)) / (scheme[operator.inputs[0]].scale * BIAS_MAX)
            by_tensor[index] = tf.maximum(by_tensor.get(index, largest), for_bias)
        return {index: tf.stop_gradient(_with_neighbours(scales)) for index, scales in by_tensor.items()}

    def constants(self, scales: Mapping[int, Any]) -> dict[int, Any]:
        """Return all constants of operators with weights, weights rounded: equations (28) and (29)."""
        weights = {index: _rounded(self._value(index), scales[index], axis) for index, axis in self._axis.items()}
        return {index: tf.convert_to_tensor(variable) for index, variable in self._variables.items()} | weights

    def _value(self, index: int) -> Any:
        return tf.convert_to_tensor(self._variables.get(index, self._network.constant(index)))

    def network(self) -> Network:
        return self._network.with_constants({index: variable.numpy() for index, variable in self._variables.items()})


def _is_average(operator: Operator, weights: NDArray[Any]) -> bool:
    """Tell whether a kernel is the sum over a window times a constant: part of the architecture, not learned."""
    window = weights.shape[1] * weights.shape[2] if operator.op == "DEPTHWISE_CONV_2D" else 1
    return window > 1 and bool((weights == weights[:, :1, :1]).all())


def _with_neighbours(scales: Any) -> Any:
    """Give channels of zeros the mean scale of the others, or 1."""
    heard = scales > LEAST_SCALE
    count = tf.math.count_nonzero(heard, dtype=tf.float32)
    mean = tf.reduce_sum(tf.where(heard, scales, 0.0)) / tf.maximum(count, 1.0)
    return tf.where(heard, scales, tf.where(count > 0, mean, 1.0))


def _rounded(weights: Any, scales: Any, axis: int) -> Any:
    """Round weights to int8's real values; gradients pass as if nothing had been rounded."""
    along = [1] * weights.shape.rank
    along[axis] = -1
    scales = tf.reshape(scales, along)
    return weights + tf.stop_gradient(tf.round(weights / scales) * scales - weights)


class _RunningRanges:
    """The ranges of the activations while they follow the batches' extremes."""

    def __init__(self, network: Network, scheme: Mapping[int, Affine], *, clips: bool, first_steps: int) -> None:
        self._network, self._scheme = network, scheme
        self._clips, self._first_steps = clips, first_steps
        self._group_of = groups(network)
        self._rows = {group: row for row, group in enumerate(sorted(set(self._group_of.values())))}
        calibrated = np.zeros((len(self._rows), 2), np.float32)
        for index, group in self._group_of.items():
            calibrated[self._rows[group]] = scheme[index].lowest, scheme[index].highest
        self._calibrated = tf.constant(calibrated)
        self._ranges = tf.Variable(calibrated)
        self._average = tf.Variable(calibrated)
        self._first = tf.Variable(tf.zeros_like(calibrated))
        self._steps = tf.Variable(0.0)
        self._moves = tf.constant(self._which_move(network)[:, np.newaxis] > 0)
        self._seen: dict[int, list[Any]] = {}

    def _which_move(self, network: Network) -> NDArray[np.float32]:
        """Return 1 for groups that may move, 0 for the input's, which quantized the windows, and prescribed ones."""
        still = {self._group_of[network.input]}
        still |= {self._group_of[operator.output] for operator in network.operators if operator.op in FIXED_OUTPUT}
        return np.array([float(group not in still) for group in self._rows], np.float32)

    def observer(self) -> Observer:
        """Return an observer that rounds activations and notes their extremes."""
        ranges = tf.convert_to_tensor(self._ranges)
        self._seen = {row: [] for row in self._rows.values()}

        def observe(index: int, value: Any, _inputs: Sequence[Any]) -> Any:
            row = self._rows[self._group_of[index]]
            still = tf.stop_gradient(value)
            self._seen[row].append((tf.reduce_min(still), tf.reduce_max(still)))
            return tf.quantization.fake_quant_with_min_max_vars(value, ranges[row, 0], ranges[row, 1])

        return observe

    def move(self) -> None:
        """Let the ranges follow the batches' extremes: equation (31).

        After min-max calibration they become the mean extremes of batches, which one loud representative clip does not
        spoil. After a calibration that clips, they begin at its ranges, and grow and shrink with the extremes. A
        fixed share of the extremes would not do: behind a clipped tensor they are smaller, and clipping would shrink
        them again and again.
        """
        reached = []
        for row, seen in self._seen.items():
            if seen:
                lows, highs = (tf.stack(part) for part in zip(*seen, strict=True))
                reached.append((tf.minimum(tf.reduce_min(lows), 0.0), tf.maximum(tf.reduce_max(highs), 0.0)))
            else:  # behind the logits: not computed in training
                reached.append((self._calibrated[row, 0], self._calibrated[row, 1]))
        target = tf.stack([tf.stack(pair) for pair in reached])
        if self._clips:
            self._follow_in_proportion(target)
        else:
            self._average.assign_add((1.0 - _MOMENTUM) * (target - self._average))
            self._ranges.assign(tf.where(self._moves, self._average, self._calibrated))

    def _follow_in_proportion(self, target: Any) -> None:
        self._steps.assign_add(1.0)
        # the plain mean at first
        self._average.assign_add(tf.maximum(1.0 / self._steps, 1.0 - _MOMENTUM) * (target - self._average))
        self._first.assign(tf.where(self._steps <= self._first_steps, self._average, self._first))
        known = tf.abs(self._first) > _LEAST_END
        change = tf.where(known, self._average / tf.where(known, self._first, 1.0), 1.0)
        change = tf.clip_by_value(change, 1.0 / _MOST_CHANGE, _MOST_CHANGE)
        self._ranges.assign(tf.where(self._moves, self._calibrated * change, self._calibrated))

    def final(self) -> dict[int, Affine]:
        """Return the quantization of each activation; ranges that do not move keep their first one."""
        values, moves = self._ranges.numpy(), self._moves.numpy()[:, 0]
        rows = {index: self._rows[group] for index, group in self._group_of.items()}
        scheme = scheme_of(
            self._network, {index: (float(values[row, 0]), float(values[row, 1])) for index, row in rows.items()}
        )
        return {index: scheme[index] if moves[row] else self._scheme[index] for index, row in rows.items()}


def _loss(task: Task, settings: QuantizationSettings) -> Callable[[Any, Any, Any], Any]:
    """Return the loss of each window from logits, targets and the teacher's logits, [batch, n_labels] each.

    Formula: w T² KL(teacher / T || student / T) + (1 - w) cross entropy; label by label if a clip may have several.
    """
    weight, temperature = settings.qat_teacher_weight, settings.qat_temperature

    def single(logits: Any, targets: Any, teacher: Any) -> Any:
        soft = tf.nn.softmax(teacher / temperature)
        of_teacher = tf.nn.softmax_cross_entropy_with_logits(soft, logits / temperature)
        own = tf.nn.softmax_cross_entropy_with_logits(soft, teacher / temperature)
        of_targets = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
        return weight * temperature**2 * (of_teacher - own) + (1.0 - weight) * of_targets

    def many(logits: Any, targets: Any, teacher: Any) -> Any:
        soft = tf.sigmoid(teacher / temperature)
        of_teacher = tf.nn.sigmoid_cross_entropy_with_logits(soft, logits / temperature)
        own = tf.nn.sigmoid_cross_entropy_with_logits(soft, teacher / temperature)
        of_targets = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        each = weight * temperature**2 * (of_teacher - own) + (1.0 - weight) * of_targets
        return tf.reduce_mean(each, axis=-1)

    return single if task == "single_label" else many
