"""Augmentation of log-mel values: mixup and device correction."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import beta, kstest

from asc_kit.errors import DataError
from asc_kit.train.augmentation import device_correction, device_responses, mixup

SEED = tf.constant([1, 2], tf.int64)
RNG = np.random.default_rng(6)
LOG_MEL = RNG.normal(size=(300, 4, 3)).astype(np.float32)


def test_mixup_is_convex_with_one_weight_and_one_partner_per_clip() -> None:
    # a clip's label is its own number, so that the mixed target tells weight and partner
    own = np.eye(300, dtype=np.float32)
    soft = RNG.normal(size=(300, 5, 2)).astype(np.float32)
    mixed, (targets, teacher) = (
        tf.nest.map_structure(np.asarray, part)
        for part in mixup(tf.constant(LOG_MEL), (tf.constant(own), tf.constant(soft)), 0.4, SEED)
    )
    assert np.allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert targets.min() >= 0
    assert ((targets > 0).sum(axis=1) <= 2).all()
    # the targets are the very matrix that mixed everything else
    assert np.allclose(mixed, np.tensordot(targets, LOG_MEL, 1), atol=1e-5)
    assert np.allclose(teacher, np.tensordot(targets, soft, 1), atol=1e-5)
    # partners are a permutation: every clip is heard, and no label mass is gained or lost by being drawn twice
    partners = (targets - np.diag(np.diag(targets)) > 0).sum(axis=0)
    assert partners.max() == 1


def test_mixup_weights_follow_the_beta_distribution() -> None:
    _, (targets,) = mixup(tf.constant(LOG_MEL), (tf.eye(300),), 0.4, SEED)
    off_diagonal = np.asarray(targets) - np.diag(np.diag(targets))
    paired = off_diagonal.max(axis=1) > 0
    assert paired.sum() > 200
    assert kstest(np.diag(targets)[paired], beta(0.4, 0.4).cdf).pvalue > 0.01


def test_correction_gives_reference_clips_the_spectrum_of_another_device() -> None:
    devices = np.arange(300) % 3
    responses = np.array([[1, 2, 3], [-9, 0.5, 0]], np.float32)
    corrected = np.asarray(device_correction(tf.constant(LOG_MEL), devices, responses, 1, 0.6, -5.0, SEED))
    unchanged = (corrected == LOG_MEL).all(axis=(1, 2))
    assert unchanged[devices != 1].all()
    assert 0.25 < unchanged[devices == 1].mean() < 0.55
    found = set()
    for before, after in zip(LOG_MEL[~unchanged], corrected[~unchanged], strict=True):
        fits = [np.array_equal(np.maximum(before + response, np.float32(-5)), after) for response in responses]
        assert sum(fits) == 1
        found.add(fits.index(True))
    assert found == {0, 1}
    assert corrected.min() == -5  # silence is as low as it gets


def test_responses_compare_devices_within_a_class() -> None:
    scenes = np.array([[0.0, 0.0], [10.0, -10.0], [3.0, 4.0]])
    colour = np.array([[0.0, 0.0], [1.0, -2.0], [0.5, 0.25]])
    # device 1 recorded nearly nothing but class 1; device 2 has class 2 to itself; device 4 shares no class
    clips = [(0, 0)] * 9 + [(0, 1)] + [(1, 0)] + [(1, 1)] * 9 + [(2, 0)] * 3 + [(2, 2)] * 5 + [(4, 2)]
    device, label = np.array(clips).T
    spectra = (scenes[label] + np.vstack([colour, colour[:2]])[device]).astype(np.float32)
    found = device_responses(spectra, device, label, 0)
    assert found.dtype == np.float32
    assert np.allclose(found, [[1, -2], [0.5, 0.25]], atol=1e-6)
    # the plain averages would have been off by most of the difference between the classes
    assert abs(spectra[device == 1].mean(axis=0) - spectra[device == 0].mean(axis=0))[0] > 8


def test_responses_undo_each_other_and_need_a_reference() -> None:
    spectra = RNG.normal(size=(40, 6)).astype(np.float32)
    device, label = np.arange(40) % 2, np.arange(40) // 2 % 2
    forth, back = (device_responses(spectra, device, label, reference) for reference in (0, 1))
    assert np.allclose(forth, -back, atol=1e-6)
    assert device_responses(spectra, np.zeros(40, int), label, 0).shape == (0, 6)
    with pytest.raises(DataError, match="reference device"):
        device_responses(spectra, device, label, 7)
