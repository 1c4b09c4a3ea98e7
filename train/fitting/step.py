"""A training step: take windows, move the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.errors import SpecError

from ..augmentation import Augmenter
from ..frontend_graph import log_mel_graph, model_input_graph
from ..recipe import Recipe
from .losses import loss_function
from .pcgrad import pcgrad


def training_step(
    model: Any,
    optimizer: Any,
    recipe: Recipe,
    augmenter: Augmenter,
    labels: tuple[str, ...],
    *,
    is_audio: bool,
    batch_size: int,
    seed: int,
) -> Callable[..., tuple[Any, Any]]:
    """Return a function (inputs, targets, recording_device[, teacher_logits]) -> (loss, hits).

    Parameters
    ----------
    model
        Keras model: features in, logits out, and logits of the coarse classes if it has a second head.
    optimizer
        Keras optimizer, built.
    recipe
        Features, losses, augmentation.
    augmenter
        Random variation of the windows.
    labels
        Classes, in the order of the targets.
    is_audio
        Whether inputs are audio, int16 [n, clip_samples]; else log-mel values, float32 [n, frames, n_mels].
    batch_size
        Windows per step over all replicas; the function may get a part of them.
    seed
        Seed of all random numbers, together with the number of the step.

    Returns
    -------
    Callable
        loss: sum over the windows given of the loss, divided by `batch_size`. hits: number of the windows whose
        likeliest class is right.
    """
    spec = recipe.frontend
    log_mel_of, arrange = log_mel_graph(spec, fast=True), model_input_graph(spec)
    loss_of = loss_function(recipe.task, recipe.training)
    coarse_of = loss_function("single_label", recipe.training)
    coarse = coarse_membership(recipe, labels, model)

    def losses(outputs: Any, targets: Any, teacher: Any) -> list[Any]:
        heads = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        sums = [tf.reduce_sum(loss_of(heads[0], targets, teacher)) / batch_size]
        if coarse is not None:
            coarse_targets = targets @ tf.constant(coarse)
            sums.append(tf.reduce_sum(coarse_of(heads[1], coarse_targets, None)) / batch_size)
        return sums

    def step(inputs: Any, targets: Any, recording_device: Any, *teacher_logits: Any) -> tuple[Any, Any]:
        draw = tf.stack([tf.constant(seed, tf.int64), tf.cast(optimizer.iterations, tf.int64)])
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            of_replicas = tf.random.split(draw, context.num_replicas_in_sync)
            draw = tf.gather(of_replicas, context.replica_id_in_sync_group)
        if is_audio:
            audio = augmenter.audio(tf.cast(inputs, tf.float32) / 32768.0, draw)
            log_mel = log_mel_of(audio)
        else:
            log_mel = inputs
        log_mel, mixed = augmenter.log_mel(log_mel, (targets, *teacher_logits), recording_device, draw)
        features = augmenter.features(arrange(log_mel), draw)
        targets, teacher = mixed[0], mixed[1] if teacher_logits else None
        variables = model.trainable_variables
        with tf.GradientTape(persistent=coarse is not None) as tape:
            outputs = model(features, training=True)
            tasks = losses(outputs, targets, teacher)
            total = tf.add_n(tasks)
        if coarse is not None and recipe.training.gradients == "pcgrad":
            of_tasks = [_of_whole_batch(tape.gradient(loss, variables)) for loss in tasks]
            gradients = pcgrad(of_tasks, draw)
        else:
            gradients = tape.gradient(total, variables)
        optimizer.apply(gradients, variables)
        logits = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        likeliest = tf.argmax(logits, axis=1, output_type=tf.int32)
        return total, tf.reduce_sum(tf.cast(tf.gather(targets, likeliest, batch_dims=1) > 0.5, tf.float32))

    return step


def _of_whole_batch(gradients: list[Any]) -> list[Any]:
    """Return the mean over all replicas: whether gradients conflict depends on the whole batch, not on a part.

    The optimizer adds up the replicas' gradients, each of them this mean, and so gets the sum that it expects.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    touched = [gradient for gradient in gradients if gradient is not None]
    reduced = iter(context.all_reduce(tf.distribute.ReduceOp.MEAN, touched))
    return [None if gradient is None else next(reduced) for gradient in gradients]


def coarse_membership(recipe: Recipe, labels: tuple[str, ...], model: Any) -> NDArray[np.float32] | None:
    """Return the coarse class of each label, [n_labels, n_coarse] of 0 and 1; None for a single task.

    Raises
    ------
    SpecError
        If the recipe's coarse classes do not hold every label once, or the network has no head for them.
    """
    classes = recipe.training.coarse_classes
    heads = len(model.outputs)
    if not classes and heads == 1:
        if recipe.training.gradients == "pcgrad":
            raise SpecError(
                f"recipe {recipe.name} has one task, gradients = pcgrad needs two",
                hint="--set gradients=sum, or take a network with a second head and coarse_classes",
            )
        return None
    hint = "say what belongs where: --set 'coarse_classes.indoor=[\"airport\"]', or take a network of one head"
    listed = [label for members in classes.values() for label in members]
    if sorted(listed) != sorted(labels):
        missing = sorted(set(labels) - set(listed)) or ["none"]
        unknown = sorted(set(listed) - set(labels)) or ["none"]
        raise SpecError(
            f"recipe {recipe.name}: coarse_classes must hold every label once. Missing: {', '.join(missing)}; "
            f"unknown: {', '.join(unknown)}",
            hint=hint,
        )
    if heads != 2 or model.outputs[1].shape[-1] != len(classes):
        size = model.outputs[1].shape[-1] if heads > 1 else 0
        raise SpecError(
            f"recipe {recipe.name}: {len(classes)} coarse classes, but the network's second head has {size} outputs",
            hint=hint,
        )
    return np.array([[float(label in members) for members in classes.values()] for label in labels], np.float32)
