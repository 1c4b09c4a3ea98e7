"""Random draws that more than one augmentation needs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def streams(seed: Any, n: int) -> list[Any]:
    """Return n seeds, int64 [2], that are independent of each other and of `seed`."""
    # not fold_in, which keeps only 32 bits of the seed: a long training would repeat draws
    return list(tf.unstack(tf.random.split(seed, n)))


def chosen(batch: Any, probability: float, seed: Any) -> Any:
    """Return a boolean [batch]: true for each clip with this probability."""
    return tf.random.stateless_uniform((batch,), seed) < probability


def mixing_weights(batch: Any, alpha: float, seed: Any) -> Any:
    """Return weights of each clip, float32 [batch], from Beta(alpha, alpha)."""
    # a beta variable is the share of a gamma variable in the sum of two; for a tiny alpha both may be 0
    one_seed, other_seed = streams(seed, 2)
    gamma = tf.random.stateless_gamma((batch,), one_seed, alpha)
    gamma_beside = tf.random.stateless_gamma((batch,), other_seed, alpha)
    return tf.math.divide_no_nan(gamma, gamma + gamma_beside)


def partners(batch: Any, seed: Any) -> Any:
    """Return the index of each clip's partner in a mixture, int32 [batch]: a permutation with fixed points."""
    return tf.argsort(tf.random.stateless_uniform((batch,), seed))


def per_clip(values: Any, like: Any) -> Any:
    """Return values [batch] with axes of length 1 appended, so that they spread over `like`, [batch, …]."""
    return tf.reshape(values, [-1] + [1] * (len(like.shape) - 1))
