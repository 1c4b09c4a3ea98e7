"""Masks and Freq-MixStyle: what they leave alone, and what they change."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from asc_kit.train.augmentation import freq_mixstyle, frequency_mask, time_mask

SEED = tf.constant([1, 2], tf.int64)


@pytest.mark.parametrize("mask", [frequency_mask, time_mask])
@pytest.mark.parametrize(("axis", "shape"), [(1, (400, 16, 5, 2)), (2, (400, 5, 16, 2))])
def test_a_mask_silences_one_run_in_all_channels(mask: Callable[..., Any], axis: int, shape: tuple[int, ...]) -> None:
    before = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    masked = np.asarray(mask(tf.constant(before), 6, (-11.5, 0.0), axis, SEED))
    widths, firsts = [], []
    for clip, original in zip(np.moveaxis(masked, axis, 1), np.moveaxis(before, axis, 1), strict=True):
        silent = (clip == np.float32([-11.5, 0.0])).all(axis=(1, 2))
        assert np.array_equal(clip[~silent], original[~silent])
        places = np.flatnonzero(silent)
        assert len(places) == 0 or np.array_equal(places, np.arange(places[0], places[-1] + 1))
        widths.append(len(places))
        firsts += [(len(places), places[0])] if len(places) else []
    assert set(widths) == {0, 1, 2, 3, 4, 5}  # drawn from [0, 6)
    assert np.bincount(widths).min() > 400 / 6 * 0.6  # evenly
    # wherever a run fits it may stand
    for width in (1, 5):
        starts = {first for found, first in firsts if found == width}
        assert min(starts) == 0
        assert max(starts) == 16 - width


def test_several_masks_are_several_runs() -> None:
    masked = np.asarray(frequency_mask(tf.ones((300, 40, 3, 1)), 5, 0.0, 1, SEED, count=3))
    silent = masked[:, :, 0, 0] == 0
    runs = (np.diff(np.pad(silent, ((0, 0), (1, 0))).astype(int), axis=1) == 1).sum(axis=1)
    assert runs.max() == 3
    assert silent.sum(axis=1).max() <= 3 * 4
    # 3 runs of 2 bands on average, less what overlaps
    assert 4.5 < silent.sum(axis=1).mean() < 6


def test_a_mask_wider_than_the_features_still_fits() -> None:
    masked = np.asarray(frequency_mask(tf.ones((100, 4, 3, 1)), 48, 0.0, 1, SEED))
    widths = (masked[:, :, 0, 0] == 0).sum(axis=1)
    assert set(widths) == {0, 1, 2, 3, 4}


def test_mixstyle_gives_each_band_a_mixture_of_two_styles() -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(6, 4, 1, 1)) * 5
    deviations = rng.uniform(0.5, 2, (6, 4, 1, 1))
    shape = rng.normal(size=(6, 4, 50, 1))
    shape = (shape - shape.mean(axis=2, keepdims=True)) / shape.std(axis=2, keepdims=True)
    features = (means + deviations * shape).astype(np.float32)
    mixed = np.asarray(freq_mixstyle(tf.constant(features), 1.0, 0.3, 2, SEED))
    new_means, new_deviations = mixed.mean(axis=2)[..., 0], mixed.std(axis=2)[..., 0]
    # what happens in time stays
    normal = (mixed - mixed.mean(axis=2, keepdims=True)) / mixed.std(axis=2, keepdims=True)
    assert np.abs(normal - shape).max() < 1e-3
    # one weight and one partner per clip explain all four bands, mean and deviation alike
    for clip in range(6):
        fits = []
        for partner in range(6):
            towards = np.append(means[partner, :, 0, 0], deviations[partner, :, 0, 0])
            own = np.append(means[clip, :, 0, 0], deviations[clip, :, 0, 0])
            new = np.append(new_means[clip], new_deviations[clip])
            span = towards - own
            weight = 0.0 if partner == clip else float(span @ (new - own) / (span @ span))
            fits.append((np.abs(own + weight * span - new).max(), weight))
        error, weight = min(fits)
        assert error < 1e-3
        assert -1e-4 <= weight <= 1 + 1e-4
    assert np.abs(mixed - features).max() > 0.1


def test_mixstyle_happens_in_its_share_of_the_batches() -> None:
    features = tf.random.stateless_normal((4, 3, 8, 1), (5, 5))
    changed = [
        not np.allclose(features, freq_mixstyle(features, 0.4, 0.3, 2, tf.constant([9, step], tf.int64)), atol=1e-4)
        for step in range(200)
    ]
    assert 0.3 < np.mean(changed) < 0.5


def test_mixstyle_treats_channels_by_themselves() -> None:
    features = tf.random.stateless_normal((8, 5, 20, 2), (5, 5)) * [1.0, 10.0]
    both = np.asarray(freq_mixstyle(features, 1.0, 0.3, 2, SEED))
    for channel in range(2):
        alone = freq_mixstyle(features[..., channel : channel + 1], 1.0, 0.3, 2, SEED)
        assert np.allclose(both[..., channel : channel + 1], alone, atol=1e-5)


def test_mixstyle_survives_silence() -> None:
    features = tf.concat([tf.fill((2, 5, 20, 1), -11.5), tf.random.stateless_normal((2, 5, 20, 1), (5, 5))], 0)
    assert np.all(np.isfinite(freq_mixstyle(features, 1.0, 0.3, 2, SEED)))
