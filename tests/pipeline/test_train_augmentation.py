"""The augmentation of a recipe as a whole: what is off does nothing, what is on happens in order."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import tensorflow as tf

from asc_kit.errors import SpecError
from asc_kit.frontend import FrontEndSpec
from asc_kit.train.augmentation import (
    Augmenter,
    device_correction,
    freq_mixstyle,
    frequency_mask,
    mixup,
    synthetic_impulse_responses,
    time_mask,
    time_roll,
)
from asc_kit.train.augmentation.draws import streams
from asc_kit.train.recipe import Augmentation

SEED = tf.constant([1, 2], tf.int64)
OTHER_SEED = tf.constant([1, 3], tf.int64)
SPEC = FrontEndSpec(
    sample_rate_hz=8000, clip_samples=2000, n_fft=256, win_length=256, hop_length=125, n_mels=16, f_max_hz=4000
)
RESPONSES = np.random.default_rng(4).normal(size=(3, 16)).astype(np.float32)
EVERYTHING = Augmentation(
    gain_db=6, device_ir_p=0.9, time_roll_s=0.01, device_correction_p=0.5, mixup_alpha=0.3, frequency_mask_bands=4,
    time_masks=2, time_mask_frames=3, mixstyle_p=1.0,
)  # fmt: skip


def augmenter(settings: Augmentation, spec: FrontEndSpec = SPEC) -> Augmenter:
    return Augmenter(spec, settings, RESPONSES, 0, synthetic_impulse_responses(spec.sample_rate_hz, 4))


def batch(spec: FrontEndSpec = SPEC) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    rng = np.random.default_rng(5)
    audio = rng.uniform(-0.5, 0.5, (12, spec.clip_samples))
    log_mel = rng.normal(size=(12, spec.n_frames, spec.n_mels))
    targets = np.eye(4)[rng.integers(0, 4, 12)]
    features = rng.normal(size=(12, *spec.input_shape[1:]))
    devices = tf.constant(rng.integers(0, 2, 12), tf.int32)
    a, b, c, d = (tf.constant(values, tf.float32) for values in (audio, log_mel, targets, features))
    return a, b, c, d, devices


def test_with_everything_off_each_stage_returns_its_input_and_adds_no_operation() -> None:
    audio, log_mel, targets, features, devices = batch()
    nothing = augmenter(Augmentation())
    assert not nothing.works_on_audio
    assert nothing.audio(audio, SEED) is audio
    assert nothing.log_mel(log_mel, (targets,), devices, SEED) == (log_mel, (targets,))
    assert nothing.features(features, SEED) is features

    @tf.function
    def graph(values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return nothing.features(nothing.audio(values, seed), seed)

    operations = graph.get_concrete_function(audio, SEED).graph.get_operations()
    assert {operation.type for operation in operations} <= {"Placeholder", "Identity"}


@pytest.mark.parametrize("switch", [field.name for field in fields(Augmentation) if field.default == 0])
def test_it_knows_whether_features_can_be_computed_beforehand(switch: str) -> None:
    """A part that varies audio and is missing in `ON_AUDIO` would be skipped, without a word, with cached features."""
    value = getattr(EVERYTHING, switch)
    assert value, f"{switch} is off in EVERYTHING"
    settings = replace(Augmentation(), **{switch: value})
    audio = batch()[0]
    varies = not np.array_equal(augmenter(settings).audio(audio, SEED), audio)
    assert varies == augmenter(settings).works_on_audio == (switch in Augmentation.ON_AUDIO)
    assert not augmenter(replace(EVERYTHING, **dict.fromkeys(Augmentation.ON_AUDIO, 0))).works_on_audio


@pytest.mark.parametrize("layout", ["mel_time", "time_mel"])
def test_in_a_graph_the_same_seed_gives_the_same_and_another_seed_something_else(layout: str) -> None:
    spec = replace(SPEC, layout=layout, standardize="clip", delta_width=5)
    audio, log_mel, targets, features, devices = batch(spec)
    everything = augmenter(EVERYTHING, spec)

    @tf.function
    def graph(seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
        varied, (mixed,) = everything.log_mel(log_mel, (targets,), devices, seed)
        return everything.audio(audio, seed), varied, mixed, everything.features(features, seed)

    inputs = (audio, log_mel, targets, features)
    for one, again, other, before in zip(graph(SEED), graph(SEED), graph(OTHER_SEED), inputs, strict=True):
        assert one.shape == before.shape
        assert np.all(np.isfinite(one))
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)
        assert not np.array_equal(one, before)


def test_parts_are_those_of_the_functions_in_the_documented_order() -> None:
    audio, log_mel, targets, features, devices = batch()
    seeds = streams(SEED, 8)
    for settings, stage, expected in (
        (Augmentation(time_roll_s=0.01), "audio", time_roll(audio, 80, seeds[2])),
        (Augmentation(frequency_mask_bands=9, frequency_masks=2, time_mask_frames=7, mixstyle_p=1.0), "features",
         freq_mixstyle(
             time_mask(
                 frequency_mask(features, 9, SPEC.silence_feature, 1, seeds[5], count=2),
                 7, SPEC.silence_feature, 2, seeds[6],
             ), 1.0, 0.3, 2, seeds[7],
         )),
    ):  # fmt: skip
        values = audio if stage == "audio" else features
        assert np.array_equal(getattr(augmenter(settings), stage)(values, SEED), expected)
    # a mixture has no device: correction comes first
    corrected = device_correction(log_mel, devices, RESPONSES, 0, 0.5, math.log(SPEC.log_offset), seeds[3])
    expected, (wanted,) = mixup(corrected, (targets,), 0.3, seeds[4])
    found, (mixed,) = augmenter(EVERYTHING).log_mel(log_mel, (targets,), devices, SEED)
    assert np.array_equal(found, expected)
    assert np.array_equal(mixed, wanted)


def test_the_draws_of_one_part_do_not_depend_on_the_others() -> None:
    features = batch()[3]
    without = augmenter(Augmentation(time_mask_frames=3)).features(features, SEED)
    with_bands = augmenter(Augmentation(time_mask_frames=3, frequency_mask_bands=4)).features(features, SEED)
    untouched = np.asarray(with_bands) != np.float32(SPEC.silence_feature)
    assert np.array_equal(np.asarray(with_bands)[untouched], np.asarray(without)[untouched])


def test_masks_are_filled_with_what_silence_gives_in_each_channel() -> None:
    spec = replace(SPEC, delta_width=5)
    ones = tf.ones((40, *spec.input_shape[1:]))
    masked = np.asarray(augmenter(Augmentation(frequency_mask_bands=6), spec).features(ones, SEED))
    assert set(np.unique(masked[..., 0])) == {np.float32(math.log(1e-5)), np.float32(1)}
    assert set(np.unique(masked[..., 1])) == {np.float32(0), np.float32(1)}


def test_loud_audio_is_cut_off_at_full_scale() -> None:
    audio = tf.constant(np.random.default_rng(1).uniform(-1, 1, (16, 2000)), tf.float32)
    varied = np.asarray(augmenter(Augmentation(gain_db=12)).audio(audio, SEED))
    assert np.abs(varied).max() == 1.0
    assert np.abs(np.asarray(augmenter(Augmentation(device_ir_p=1.0)).audio(audio, SEED))).max() <= 1.0


def test_what_the_settings_need_must_be_there() -> None:
    with pytest.raises(SpecError, match="no impulse responses"):
        Augmenter(SPEC, Augmentation(device_ir_p=0.5))
    with pytest.raises(SpecError, match="16 mel bands"):
        Augmenter(SPEC, Augmentation(device_correction_p=0.5), RESPONSES[:, :5], 0)
    with pytest.raises(SpecError, match="index of the reference device"):
        Augmenter(SPEC, Augmentation(device_correction_p=0.5), RESPONSES)
    # a data set with a single recording device has nothing to correct, which is no mistake
    log_mel, targets, devices = batch()[1], batch()[2], batch()[4]
    for none in (None, np.zeros((0, 16), np.float32)):
        alone = Augmenter(SPEC, Augmentation(device_correction_p=0.5), none, 0)
        assert alone.log_mel(log_mel, (targets,), devices, SEED)[0] is log_mel
