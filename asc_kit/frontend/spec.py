"""The complete definition of the log-mel features, which all three implementations read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import SpecError
from asc_kit.records.fields import MAX_ELEMENTS
from asc_kit.records.record import STRICT, short_id, to_plain

STD_FLOOR = 0.01
"""Least standard deviation that features are divided by, in units of the logarithm; of the deltas, in theirs.

Spoken digits have 0.7 and more, their deltas 0.1 and more; white noise and square waves 0.27 and 0.04. Below 0.01 a
clip is practically digital silence, and its differences are rounding, which varies between implementations.
"""

# Later fields: at these values they do not change `spec_id`.
_LATER_FIELDS: dict[str, object] = {"standardize": "none", "delta_width": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndSpec:
    """The features of one clip: mono audio in, log-mel values out, perhaps standardised and with their deltas.

    Raises
    ------
    SpecError
        At construction, if values contradict each other; the message names the field.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    sample_rate_hz: Annotated[int, Field(gt=0, le=1_000_000)]
    """Sampling rate of the audio the front end takes, in hertz."""
    clip_samples: Annotated[int, Field(gt=0, le=1 << 26)]
    """Length of the audio of one inference, in samples."""
    n_fft: Annotated[int, Field(ge=8, le=1 << 16)]
    """Length of the Fourier transform, in samples; even, with prime factors 2, 3 and 5 only."""
    win_length: Annotated[int, Field(gt=0, le=1 << 16)]
    """Length of the window, in samples; centred in the transform, zeros around it."""
    hop_length: Annotated[int, Field(gt=0, le=1 << 26)]
    """Distance from one frame to the next, in samples."""
    window: Literal["hann", "hamming"] = "hann"
    """Window function."""
    window_periodic: bool = True
    """True for a window of period `win_length` (spectral analysis), false for a symmetric one."""
    center: bool = True
    """True: frame t is centred on sample t * hop_length, the clip padded by n_fft // 2 on both sides."""
    pad_mode: Literal["reflect", "constant"] = "reflect"
    """Padding of a centred clip: its mirror image, or zeros."""
    power: Literal[1, 2] = 2
    """Exponent of the magnitude spectrum: 1 for magnitude, 2 for power."""
    n_mels: Annotated[int, Field(gt=0, le=1 << 12)]
    """Number of mel bands."""
    mel_scale: Literal["htk", "slaney"] = "htk"
    """Formula of the mel scale."""
    mel_norm: Literal["none", "slaney"] = "none"
    """Normalization of each filter: none (peak 1) or slaney (area 1)."""
    f_min_hz: Annotated[float, Field(ge=0, le=500_000)] = 0.0
    """Lower edge of the first band, in hertz."""
    f_max_hz: Annotated[float, Field(gt=0, le=500_000)]
    """Upper edge of the last band, in hertz; at most half the sampling rate."""
    log: Literal["natural", "log10"] = "natural"
    """Base of the logarithm."""
    log_offset: Annotated[float, Field(gt=0, le=1e6)] = 1e-5
    """Constant added to a band before the logarithm; positive."""
    layout: Literal["mel_time", "time_mel"] = "mel_time"
    """Axes of the model's input: (1, n_mels, frames, channels) or (1, frames, n_mels, channels)."""
    standardize: Literal["none", "clip"] = "none"
    """clip: from each channel of each clip its mean is subtracted, then it is divided by its standard deviation (n − 1
    in the denominator), or by STD_FLOOR if that is larger: digital silence gives zeros."""
    delta_width: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    """Number of frames for the slope over time, odd and at least 3: a second channel, standardised like the first. 0:
    no such channel."""

    def __post_init__(self) -> None:
        checks: tuple[tuple[bool, str], ...] = (
            (self.sample_rate_hz > 0, "sample_rate_hz must be positive"),
            (self.n_fft >= 8 and self.n_fft % 2 == 0, "n_fft must be even and at least 8"),
            (_is_smooth(self.n_fft), "n_fft must have no prime factor above 5"),
            (0 < self.win_length <= self.n_fft, "win_length must be from 1 to n_fft"),
            (self.hop_length > 0, "hop_length must be positive"),
            (0 < self.n_mels <= self.n_freqs, "n_mels must be from 1 to the n_fft // 2 + 1 frequencies there are"),
            (0 <= self.f_min_hz < self.f_max_hz, "f_min_hz must be at least 0 and below f_max_hz"),
            (2 * self.f_max_hz <= self.sample_rate_hz, "f_max_hz must be at most half of sample_rate_hz"),
            (self.log_offset > 0, "log_offset must be positive"),
            (
                self.clip_samples >= (self.n_fft // 2 + 1 if self.center else self.n_fft),
                "clip_samples must cover one frame (n_fft, or n_fft // 2 + 1 when centred)",
            ),
            (
                self.delta_width == 0 or (self.delta_width >= 3 and self.delta_width % 2 == 1),
                "delta_width must be 0, or odd and at least 3",
            ),
        )
        for holds, rule in checks:
            if not holds:
                raise SpecError(f"front end: {rule}. Received: {self}")
        n_features = self.n_frames * self.n_mels * self.n_channels
        if n_features > MAX_ELEMENTS:
            raise SpecError(f"front end: a clip has at most {MAX_ELEMENTS:,} features. Received: {n_features:,}")
        # these need the number of frames, which is defined only if the rules above hold
        if self.standardize == "clip" and self.n_frames * self.n_mels < 2:
            raise SpecError(f"front end: standardize needs at least two values in a clip. Received: {self}")
        if self.delta_width >= 2 * self.n_frames:
            raise SpecError(
                f"front end: delta_width must be below twice the {self.n_frames} frames of a clip. Received: {self}"
            )

    @property
    def n_frames(self) -> int:
        """Number of frames of one clip."""
        if self.center:
            return 1 + self.clip_samples // self.hop_length
        return 1 + (self.clip_samples - self.n_fft) // self.hop_length

    @property
    def n_freqs(self) -> int:
        """Number of frequency bins of the one-sided spectrum."""
        return self.n_fft // 2 + 1

    @property
    def clip_seconds(self) -> float:
        """Length of one clip, in seconds."""
        return self.clip_samples / self.sample_rate_hz

    @property
    def n_channels(self) -> int:
        """Number of channels: 2 with deltas, else 1."""
        return 2 if self.delta_width else 1

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the model's input, NHWC with batch 1."""
        if self.layout == "mel_time":
            return (1, self.n_mels, self.n_frames, self.n_channels)
        return (1, self.n_frames, self.n_mels, self.n_channels)

    @property
    def silence_feature(self) -> float:
        """Value of the model's input for digital silence, in the first channel; its deltas are 0."""
        if self.standardize == "clip":
            return 0.0
        return math.log(self.log_offset) if self.log == "natural" else math.log10(self.log_offset)

    @property
    def spec_id(self) -> str:
        """Fingerprint of the whole specification: 16 hexadecimal digits, carried from bundle to board."""
        plain = to_plain(self)
        for name, value in _LATER_FIELDS.items():
            if plain[name] == value:
                del plain[name]
        return short_id(plain)


def _is_smooth(n: int) -> bool:
    for factor in (2, 3, 5):
        while n > 0 and n % factor == 0:
            n //= factor
    return n == 1
