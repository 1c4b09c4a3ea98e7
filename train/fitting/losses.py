"""Losses: from logits and targets to a number for each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from asc_kit.dataset import Task

from ..recipe import Training

Loss = Callable[[Any, Any, Any], Any]
"""(logits, targets, teacher's logits or None), each float32 [batch, n_labels], to the loss of each example, [batch]."""

# Least 1 - p in a focal factor: its derivative at 0 is infinite for exponents below 1.
_LEAST_MISS = 1e-7


def loss_function(task: Task, training: Training) -> Loss:
    """Return the loss that a recipe asks for.

    The hard loss compares with the targets: cross entropy or focal,
    smoothed. With a teacher the loss is teacher_weight · distillation + (1 - teacher_weight) · hard loss, otherwise the
    hard loss. A batch's loss is the mean.
    """
    single = task == "single_label"
    gamma = training.focal_gamma if training.loss == "focal" else 0.0
    hard = softmax_cross_entropy if single else sigmoid_cross_entropy
    soft = softmax_distillation if single else sigmoid_distillation

    def loss(logits: Any, targets: Any, teacher_logits: Any = None) -> Any:
        of_targets = hard(logits, targets, label_smoothing=training.label_smoothing, gamma=gamma)
        if teacher_logits is None:
            return of_targets
        of_teacher = soft(logits, teacher_logits, training.temperature)
        return training.teacher_weight * of_teacher + (1.0 - training.teacher_weight) * of_targets

    return loss


def softmax_cross_entropy(logits: Any, targets: Any, *, label_smoothing: float = 0.0, gamma: float = 0.0) -> Any:
    """Return the cross entropy of exclusive classes, or their focal loss where gamma is not 0; [batch].

    Parameters
    ----------
    logits
        float32 [batch, n_labels].
    targets
        Probabilities, float32 [batch, n_labels], sum 1: one class, or a mixture.
    label_smoothing
        Share of the target that is spread evenly over all classes, the right one included.
    gamma
        Exponent of the focal factor.

    Notes
    -----
    Formula: -sum_k t_k · (1 - p_k)^gamma · log p_k, with p = softmax(logits) and t the smoothed targets.
    Source: T.-Y. Lin et al., *Focal loss for dense object detection* (2017), eq. 4, without its class weights;
    C. Szegedy et al., *Rethinking the Inception architecture* (2016), section 7, for smoothing.
    """
    wanted = targets
    if label_smoothing:
        wanted = targets * (1.0 - label_smoothing) + label_smoothing / int(logits.shape[-1])
    log_p = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(wanted * _focal_factor(log_p, gamma) * log_p, axis=-1)


def sigmoid_cross_entropy(logits: Any, targets: Any, *, label_smoothing: float = 0.0, gamma: float = 0.0) -> Any:
    """Return the binary cross entropy, or focal loss where gamma is not 0, averaged over the labels; [batch].

    Parameters
    ----------
    logits
        float32 [batch, n_labels].
    targets
        From 0 (absent) to 1 (present), float32 [batch, n_labels].
    label_smoothing
        Share of each target that is replaced by 1/2.
    gamma
        Exponent of the focal factor.

    Notes
    -----
    Formula: -mean_k (t_k · (1 - p_k)^gamma · log p_k + (1 - t_k) · p_k^gamma · log(1 - p_k)), p = sigmoid(logits).
    The mean over the batch is then the mean over all its elements, as in the baseline of DCASE 2019 Task 2, whose
    learning rate belongs to it. Source: as `softmax_cross_entropy`; smoothing towards 1/2 as in that baseline.
    """
    wanted = targets * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else targets
    present, absent = tf.math.log_sigmoid(logits), tf.math.log_sigmoid(-logits)
    # 1 - p is sigmoid(-logit): no need to subtract
    if gamma:
        present, absent = tf.exp(gamma * absent) * present, tf.exp(gamma * present) * absent
    return -tf.reduce_mean(wanted * present + (1.0 - wanted) * absent, axis=-1)


def softmax_distillation(logits: Any, teacher_logits: Any, temperature: float) -> Any:
    """Return the divergence of the student's softened probabilities from the teacher's; [batch].

    Notes
    -----
    Formula: T² · sum_k q_k · (log q_k - log p_k), with p = softmax(logits / T), q = softmax(teacher_logits / T). The
    factor T² keeps the size of the gradients; 0 where the student agrees.
    Source: G. Hinton, O. Vinyals, J. Dean, *Distilling the knowledge in a neural network* (2015), section 2; the
    teacher's own entropy, which has no gradient, is taken off.
    """
    log_p, log_q = tf.nn.log_softmax(logits / temperature), tf.nn.log_softmax(teacher_logits / temperature)
    return temperature**2 * tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=-1)


def sigmoid_distillation(logits: Any, teacher_logits: Any, temperature: float) -> Any:
    """Return the `softmax_distillation` of each label against its absence, averaged over the labels; [batch]."""
    student, teacher = logits / temperature, teacher_logits / temperature
    present = tf.math.log_sigmoid(teacher) - tf.math.log_sigmoid(student)
    absent = tf.math.log_sigmoid(-teacher) - tf.math.log_sigmoid(-student)
    divergence = tf.sigmoid(teacher) * present + tf.sigmoid(-teacher) * absent
    return temperature**2 * tf.reduce_mean(divergence, axis=-1)


def _focal_factor(log_p: Any, gamma: float) -> Any:
    if not gamma:
        return 1.0
    return tf.pow(tf.maximum(-tf.math.expm1(log_p), _LEAST_MISS), gamma)
