"""Augmentation of audio: gain, impulse responses, time roll."""

import numpy as np
import tensorflow as tf
from scipy.signal import convolve
from scipy.stats import kstest

from asc_kit.train.augmentation import device_impulse_response, random_gain, time_roll

SEED = tf.constant([1, 2], tf.int64)
OTHER_SEED = tf.constant([1, 3], tf.int64)


def rms(audio: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(audio, dtype=np.float64), axis=1))


def noise(clips: int, samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).normal(size=(clips, samples))).astype(np.float32)


def test_time_roll_rotates_every_clip_by_its_own_shift() -> None:
    audio = np.arange(2000, dtype=np.float32).reshape(200, 10)
    rolled = np.asarray(time_roll(tf.constant(audio), 3, SEED))
    shifts = []
    for before, after in zip(audio, rolled, strict=True):
        found = [shift for shift in range(-3, 4) if np.array_equal(np.roll(before, shift), after)]
        assert len(found) == 1
        shifts += found
    assert set(shifts) == set(range(-3, 4))
    assert np.array_equal(rolled, time_roll(tf.constant(audio), 3, SEED))
    assert not np.array_equal(rolled, time_roll(tf.constant(audio), 3, OTHER_SEED))
    # further than a clip is long: round and round
    rolled = np.asarray(time_roll(tf.constant(audio[:50]), 25, SEED))
    shifts = [int(after[0] - before[0]) % 10 for before, after in zip(audio, rolled, strict=False)]
    expected = [np.roll(before, -shift) for before, shift in zip(audio, shifts, strict=False)]
    assert np.array_equal(rolled, expected)
    assert len(set(shifts)) == 10


def test_gain_keeps_the_ratio_of_all_samples_of_a_clip() -> None:
    audio = noise(500, 20)
    louder = np.asarray(random_gain(tf.constant(audio), 6.0, SEED))
    factors = louder / audio
    assert np.allclose(factors, factors[:, :1], rtol=1e-6)
    levels_db = 20 * np.log10(factors[:, 0])
    # even in decibels, from -6 to 6
    assert kstest(levels_db, "uniform", (-6, 12)).pvalue > 0.01


def test_an_impulse_is_the_identity_wherever_it_stands() -> None:
    audio = noise(5, 300)
    for tap in (0, 7, 31):
        impulse = np.zeros((1, 32), np.float32)
        impulse[0, tap] = -0.5
        heard = np.asarray(device_impulse_response(tf.constant(audio), impulse, 1.0, SEED))
        assert np.abs(heard + audio).max() < 1e-6


def test_it_is_the_linear_convolution_from_the_peak_on_at_the_clips_level() -> None:
    audio = noise(40, 501)
    rng = np.random.default_rng(8)
    responses = (rng.normal(size=(3, 60)) * np.exp(-np.arange(60) / 12)).astype(np.float32)
    responses[1, 20] = 4  # a peak that the others do not have there
    heard = np.asarray(device_impulse_response(tf.constant(audio), responses, 1.0, SEED))
    assert np.allclose(rms(heard), rms(audio), rtol=1e-5)
    used = set()
    for before, after in zip(audio, heard, strict=True):
        errors = []
        for response in responses:
            first = np.abs(response).argmax()
            expected = convolve(before.astype(np.float64), response, method="direct")[first : first + 501]
            errors.append(np.abs(after - expected * rms(before[np.newaxis]) / rms(expected[np.newaxis])).max())
        assert min(errors) < 1e-6 * np.abs(after).max()
        used.add(int(np.argmin(errors)))
    assert used == {0, 1, 2}


def test_it_happens_to_its_share_of_the_clips_and_leaves_the_others_as_they_are() -> None:
    audio = noise(400, 64)
    heard = np.asarray(device_impulse_response(tf.constant(audio), np.ones((1, 8), np.float32), 0.3, SEED))
    same = (heard == audio).all(axis=1)
    assert 0.62 < same.mean() < 0.78
    assert np.abs(heard - audio).max(axis=1)[~same].min() > 1e-3


def test_silence_stays_silence() -> None:
    heard = device_impulse_response(tf.zeros((3, 64)), np.ones((1, 8), np.float32), 1.0, SEED)
    assert np.array_equal(heard, np.zeros((3, 64)))
