"""Augmentation: each part does what it says, and the same seed does it again."""

import numpy as np
import tensorflow as tf

from asc_kit.train.augmentation import freq_mixstyle, frequency_mask, time_roll
from asc_kit.train.fitting import schedule_of
from asc_kit.train.recipe import Training

SEED = tf.constant([1, 2], tf.int64)
OTHER_SEED = tf.constant([1, 3], tf.int64)


def test_time_roll_rotates_every_clip_by_its_own_shift() -> None:
    audio = np.arange(200, dtype=np.float32).reshape(20, 10)
    rolled = np.asarray(time_roll(tf.constant(audio), 3, SEED))
    shifts = []
    for before, after in zip(audio, rolled, strict=True):
        found = [shift for shift in range(-3, 4) if np.array_equal(np.roll(before, shift), after)]
        assert len(found) == 1
        shifts += found
    assert min(shifts) < 0 < max(shifts)
    assert np.array_equal(rolled, time_roll(tf.constant(audio), 3, SEED))
    assert not np.array_equal(rolled, time_roll(tf.constant(audio), 3, OTHER_SEED))


def test_frequency_mask_silences_one_run_of_bands() -> None:
    for axis, shape in ((1, (200, 16, 5, 1)), (2, (200, 5, 16, 1))):
        masked = np.asarray(frequency_mask(tf.ones(shape), 6, -11.5, axis, SEED))
        bands = np.moveaxis(masked[..., 0], axis, 1)
        assert set(np.unique(bands)) == {np.float32(-11.5), np.float32(1)}
        widths, firsts = [], []
        for clip in bands:
            silent = clip == np.float32(-11.5)
            assert np.array_equal(silent.all(axis=1), silent.any(axis=1))
            places = np.flatnonzero(silent[:, 0])
            assert len(places) == 0 or np.array_equal(places, np.arange(places[0], places[-1] + 1))
            widths.append(len(places))
            firsts += places[:1].tolist()
        assert set(widths) == {0, 1, 2, 3, 4, 5}  # drawn from [0, 6)
        assert min(firsts) == 0
        assert max(firsts) >= 12


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


def test_learning_rate_rises_then_falls_to_nothing() -> None:
    training = Training(epochs=10, batch_size=8, learning_rate=0.01, weight_decay=0.0, warmup_steps=20)
    schedule = schedule_of(training, steps_per_epoch=10)
    rates = np.array([float(schedule(step)) for step in range(100)])
    assert np.allclose(rates[:20], 0.01 * np.arange(1, 21) / 20)
    assert np.all(np.diff(rates[20:]) < 0)
    assert np.isclose(rates[59], 0.005)  # half way down
    assert rates[-1] < 1e-8
    # a warm-up longer than the training is cut to a quarter of it
    assert schedule_of(training, steps_per_epoch=1).warmup_steps == 2
