"""Losses against formulas written out in float64."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, softmax
from scipy.stats import entropy

from asc_kit.train.fitting.losses import (
    loss_function,
    sigmoid_cross_entropy,
    sigmoid_distillation,
    softmax_cross_entropy,
    softmax_distillation,
)
from asc_kit.train.recipe import Training

RNG = np.random.default_rng(7)
LOGITS = (3 * RNG.normal(size=(50, 6))).astype(np.float32)
TEACHER = (3 * RNG.normal(size=(50, 6))).astype(np.float32)
MIXED = RNG.dirichlet(np.full(6, 0.3), 50).astype(np.float32)  # what mixup makes of classes
MANY = RNG.uniform(size=(50, 6)).astype(np.float32)
# float32 sums of a few terms of size 10: some last places of 10
ATOL = 1e-5


def training(**settings: object) -> Training:
    plain = {"epochs": 1, "batch_size": 8, "learning_rate": 0.1, "weight_decay": 0.0, "warmup_steps": 0}
    return Training(**(plain | settings))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_softmax_losses(smoothing: float, gamma: float) -> None:
    p = softmax(LOGITS.astype(np.float64), axis=1)
    wanted = (1 - smoothing) * MIXED + smoothing / 6
    expected = -np.sum(wanted * (1 - p) ** gamma * np.log(p), axis=1)
    found = softmax_cross_entropy(tf.constant(LOGITS), tf.constant(MIXED), label_smoothing=smoothing, gamma=gamma)
    assert found.shape == (50,)
    assert np.allclose(found, expected, atol=ATOL)
    if not gamma:
        keras_loss = tf.keras.losses.categorical_crossentropy(MIXED, LOGITS, True, smoothing)
        assert np.allclose(found, keras_loss, atol=ATOL)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_sigmoid_losses(smoothing: float, gamma: float) -> None:
    p = expit(LOGITS.astype(np.float64))
    wanted = (1 - smoothing) * MANY + smoothing / 2
    terms = wanted * (1 - p) ** gamma * np.log(p) + (1 - wanted) * p**gamma * np.log(1 - p)
    found = sigmoid_cross_entropy(tf.constant(LOGITS), tf.constant(MANY), label_smoothing=smoothing, gamma=gamma)
    assert np.allclose(found, -terms.mean(axis=1), atol=ATOL)
    if not gamma:
        # the loss of the 2019 baseline, by the very function: the mean over all elements
        baseline = tf.compat.v1.losses.sigmoid_cross_entropy(MANY, LOGITS, label_smoothing=smoothing)
        assert np.isclose(np.mean(found), baseline, atol=ATOL)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distillation_is_the_divergence_of_softened_probabilities(temperature: float) -> None:
    p, q = (softmax(values.astype(np.float64) / temperature, axis=1) for values in (LOGITS, TEACHER))
    expected = temperature**2 * entropy(q, p, axis=1)
    assert np.allclose(softmax_distillation(LOGITS, TEACHER, temperature), expected, rtol=1e-5, atol=ATOL)
    p, q = (expit(values.astype(np.float64) / temperature) for values in (LOGITS, TEACHER))
    each = entropy([q, 1 - q], [p, 1 - p], axis=0)
    expected = temperature**2 * each.mean(axis=1)
    assert np.allclose(sigmoid_distillation(LOGITS, TEACHER, temperature), expected, rtol=1e-5, atol=ATOL)


@pytest.mark.parametrize("distillation", [softmax_distillation, sigmoid_distillation])
def test_a_student_who_agrees_has_nothing_to_learn(distillation: object) -> None:
    logits = tf.Variable(TEACHER)
    with tf.GradientTape() as tape:
        loss = distillation(logits, TEACHER, 3.0)  # type: ignore[operator]
    assert np.abs(loss).max() < ATOL
    assert np.abs(tape.gradient(loss, logits)).max() < ATOL


def test_the_recipe_names_the_loss() -> None:
    hard = {
        ("single_label", "cross_entropy"): softmax_cross_entropy(LOGITS, MIXED, label_smoothing=0.1),
        ("single_label", "focal"): softmax_cross_entropy(LOGITS, MIXED, label_smoothing=0.1, gamma=1.5),
        ("multi_label", "cross_entropy"): sigmoid_cross_entropy(LOGITS, MIXED, label_smoothing=0.1),
        ("multi_label", "focal"): sigmoid_cross_entropy(LOGITS, MIXED, label_smoothing=0.1, gamma=1.5),
    }
    for (task, name), expected in hard.items():
        settings = training(loss=name, label_smoothing=0.1, focal_gamma=1.5, teacher_weight=0.7, temperature=2.5)
        loss = loss_function(task, settings)  # type: ignore[arg-type]
        assert np.array_equal(loss(LOGITS, MIXED, None), expected)
        distillation = softmax_distillation if task == "single_label" else sigmoid_distillation
        soft = distillation(LOGITS, TEACHER, 2.5)
        assert np.allclose(loss(LOGITS, MIXED, TEACHER), 0.7 * soft + 0.3 * expected, atol=ATOL)


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
def test_focal_loss_without_exponent_is_cross_entropy_to_the_bit(task: str) -> None:
    plain, focal = (
        loss_function(task, training(loss=name, focal_gamma=0.0))(LOGITS, MIXED, None)  # type: ignore[arg-type]
        for name in ("cross_entropy", "focal")
    )
    assert np.array_equal(plain, focal)


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_certain_logits_give_finite_losses_and_gradients(task: str, gamma: float) -> None:
    logits = tf.Variable([[200.0, -200.0, 0.0], [-200.0, 200.0, 0.0], [1e-9, 0.0, -1e-9]])
    targets = tf.constant([[1.0, 0.0, 0.0]] * 3)
    loss = loss_function(task, training(loss="focal", focal_gamma=gamma))  # type: ignore[arg-type]
    with tf.GradientTape() as tape:
        values = loss(logits, targets, tf.reverse(logits, [0]))
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(tape.gradient(values, logits)))


def test_gradient_of_cross_entropy_is_probability_minus_target() -> None:
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = softmax_cross_entropy(logits, MIXED)
    expected = np.exp(log_softmax(LOGITS.astype(np.float64), axis=1)) - MIXED
    assert np.allclose(tape.gradient(loss, logits), expected, atol=1e-6)
