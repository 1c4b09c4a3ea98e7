"""PCGrad: the gradients of several tasks, without the parts that would undo each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def pcgrad(gradients: Sequence[Sequence[Any]], seed: Any) -> list[Any]:
    """Return the sum of the tasks' gradients, each without the parts that conflict with others.

    From each task's gradient its projection onto another task's (original) gradient is taken off where the two point
    apart (negative dot product), for one other task after another, in an order drawn from the seed.

    Parameters
    ----------
    gradients
        For each task the gradients of all variables, in the same order; None for variables the task does not touch.
    seed
        int64 [2]. Without effect for two tasks.

    Returns
    -------
    list
        The gradient of each variable; None where no task has one.

    Notes
    -----
    Variables that two or more tasks touch count as one long vector; variables of a single task (its head) keep their
    gradient. Formula: with G[j, k] = g_j · g_k, each task's gradient is kept as its coefficients c over the g_k.
    Against task j: d = sum_k c_k G[k, j]; where d < 0, c_j is reduced by d / G[j, j]. So no long vector is ever
    concatenated. Source: T. Yu et al., *Gradient surgery for multi-task learning* (2020), algorithm 1.
    """
    n_tasks = len(gradients)
    by_variable = [
        [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in column]
        for column in zip(*gradients, strict=True)
    ]
    shared = [column for column in by_variable if sum(gradient is not None for gradient in column) > 1]
    if not shared:
        return [next((gradient for gradient in column if gradient is not None), None) for column in by_variable]
    weights = tf.unstack(tf.reduce_sum(_projections(_dot_products(shared), n_tasks, seed), axis=0))

    def combined(column: Sequence[Any]) -> Any:
        terms = [(weight, gradient) for weight, gradient in zip(weights, column, strict=True) if gradient is not None]
        if len(terms) < 2:
            return terms[0][1] if terms else None
        return tf.add_n([tf.cast(weight, gradient.dtype) * gradient for weight, gradient in terms])

    return [combined(column) for column in by_variable]


def _dot_products(columns: Sequence[Sequence[Any]]) -> Any:
    """Return the dot products of the tasks' gradients over these variables, float32 [n_tasks, n_tasks]."""

    def product(task: int, other: int) -> Any:
        pairs = [(column[task], column[other]) for column in columns]
        terms = [tf.reduce_sum(a * b) for a, b in pairs if a is not None and b is not None]
        return tf.cast(tf.add_n(terms), tf.float32) if terms else tf.constant(0.0)

    n = len(columns[0])
    upper = {(task, other): product(task, other) for task in range(n) for other in range(task, n)}
    return tf.stack([tf.stack([upper[min(i, j), max(i, j)] for j in range(n)]) for i in range(n)])


def _projections(products: Any, n_tasks: int, seed: Any) -> Any:
    """Return the coefficients of each task's projected gradient over the original ones, [n_tasks, n_tasks]."""
    orders = tf.argsort(tf.random.stateless_uniform((n_tasks, n_tasks), seed), axis=1)
    rows = []
    for task in range(n_tasks):
        coefficients = tf.one_hot(task, n_tasks)
        for other in tf.unstack(orders[task]):
            column = tf.gather(products, other, axis=1)
            along = tf.tensordot(coefficients, column, 1)
            conflict = (other != task) & (along < 0.0)
            excess = tf.where(conflict, tf.math.divide_no_nan(along, column[other]), 0.0)
            coefficients -= excess * tf.one_hot(other, n_tasks)
        rows.append(coefficients)
    return tf.stack(rows)
