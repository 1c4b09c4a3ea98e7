"""The augmentation of a recipe: the parts that its settings switch on, in order, each with its own random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.errors import SpecError
from asc_kit.frontend import FrontEndSpec

from ..recipe import Augmentation
from .draws import streams
from .features import freq_mixstyle, frequency_mask, time_mask
from .log_mel import device_correction, mixup
from .waveform import device_impulse_response, random_gain, time_roll

# Index of each part's random numbers. It is fixed, so that switching a part off does not change the other draws.
_GAIN, _IMPULSE, _ROLL, _CORRECTION, _MIXUP, _BANDS, _FRAMES, _STYLE = range(8)
_N_STREAMS = 8


class Augmenter:
    """Three stages of augmentation: of audio, of log-mel values, and of the model's input.

    A stage whose settings are all off returns its input unchanged. The same seed may be given to all three.

    Parameters
    ----------
    spec
        The front end.
    settings
        The recipe's augmentation.
    device_responses
        Result of `device_responses` for the training clips, float32 [n_devices, n_mels]. None, or no rows, if there is
        no other device; then nothing is corrected.
    reference_index
        Index of `settings.reference_device`.
    impulse_responses
        Impulse responses of microphones at the front end's sampling rate, float32 [n_responses, n_taps].

    Raises
    ------
    SpecError
        If the settings need impulse responses and none are given, or if device responses do not fit the front end.
    """

    def __init__(
        self,
        spec: FrontEndSpec,
        settings: Augmentation,
        device_responses: NDArray[np.float32] | None = None,
        reference_index: int | None = None,
        impulse_responses: NDArray[np.float32] | None = None,
    ) -> None:
        if settings.device_ir_p and (impulse_responses is None or len(impulse_responses) == 0):
            raise SpecError(f"device_ir_p is {settings.device_ir_p}, but there are no impulse responses")
        if device_responses is not None and device_responses.shape[1:] != (spec.n_mels,):
            raise SpecError(
                f"device responses must have {spec.n_mels} mel bands. Received: shape {device_responses.shape}"
            )
        if device_responses is not None and reference_index is None:
            raise SpecError("device responses need the index of the reference device")
        self.settings = settings
        self.max_shift = round(settings.time_roll_s * spec.sample_rate_hz)
        self.impulse_responses = impulse_responses
        corrects = settings.device_correction_p > 0 and device_responses is not None and len(device_responses) > 0
        self.device_responses = device_responses if corrects else None
        self.reference_index = reference_index
        self.floor = math.log10(spec.log_offset) if spec.log == "log10" else math.log(spec.log_offset)
        self.fill = (spec.silence_feature,) + (0.0,) * (spec.n_channels - 1)
        self.mel_axis, self.time_axis = (1, 2) if spec.layout == "mel_time" else (2, 1)

    @property
    def works_on_audio(self) -> bool:
        """Whether the first stage changes the audio, so that features cannot be computed beforehand."""
        return any(getattr(self.settings, name) for name in self.settings.ON_AUDIO)

    def audio(self, audio: Any, seed: Any) -> Any:
        """Vary audio, float32 [batch, clip_samples], full scale ±1: gain, impulse response, time roll.

        Samples beyond full scale after gain and impulse response are clipped, as in 16-bit recordings.
        """
        if not self.works_on_audio:
            return audio
        settings, seeds = self.settings, streams(seed, _N_STREAMS)
        if settings.gain_db:
            audio = random_gain(audio, settings.gain_db, seeds[_GAIN])
        if settings.device_ir_p and self.impulse_responses is not None:
            responses = self.impulse_responses
            audio = device_impulse_response(audio, responses, settings.device_ir_p, seeds[_IMPULSE])
        if settings.gain_db or settings.device_ir_p:
            audio = tf.clip_by_value(audio, -1.0, 1.0)
        if self.max_shift:
            audio = time_roll(audio, self.max_shift, seeds[_ROLL])
        return audio

    def log_mel(
        self, log_mel: Any, mixed: tuple[Any, ...], recording_device: Any, seed: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Vary log-mel values, float32 [batch, frames, n_mels]: device correction, mixup.

        In this order, because a mixture of clips has no recording device of its own. `mixed` are tensors,
        float32 [batch, …], to be mixed as the clips are (targets, soft targets of a teacher); `recording_device` is
        the index of each clip's, integer [batch].
        """
        settings = self.settings
        if self.device_responses is None and not settings.mixup_alpha:
            return log_mel, mixed
        seeds = streams(seed, _N_STREAMS)
        if self.device_responses is not None and self.reference_index is not None:
            log_mel = device_correction(
                log_mel, recording_device, self.device_responses, self.reference_index,
                settings.device_correction_p, self.floor, seeds[_CORRECTION],
            )  # fmt: skip
        if settings.mixup_alpha:
            log_mel, mixed = mixup(log_mel, mixed, settings.mixup_alpha, seeds[_MIXUP])
        return log_mel, mixed

    def features(self, features: Any, seed: Any) -> Any:
        """Vary the model's input, float32 [batch, *input_shape[1:]]: masks over bands and frames, Freq-MixStyle."""
        settings = self.settings
        if not (settings.frequency_mask_bands or settings.time_mask_frames or settings.mixstyle_p):
            return features
        seeds = streams(seed, _N_STREAMS)
        if settings.frequency_mask_bands:
            width, count = settings.frequency_mask_bands, settings.frequency_masks
            features = frequency_mask(features, width, self.fill, self.mel_axis, seeds[_BANDS], count=count)
        if settings.time_mask_frames:
            width, count = settings.time_mask_frames, settings.time_masks
            features = time_mask(features, width, self.fill, self.time_axis, seeds[_FRAMES], count=count)
        if settings.mixstyle_p:
            p, alpha = settings.mixstyle_p, settings.mixstyle_alpha
            features = freq_mixstyle(features, p, alpha, self.time_axis, seeds[_STYLE])
        return features
