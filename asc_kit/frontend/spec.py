"""What defines the log-mel features, completely: three implementations read this and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from asc_kit.errors import SpecError
from asc_kit.records import STRICT, short_id


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndSpec:
    """The features of one clip: mono audio in, a matrix of log-mel values out.

    Raises
    ------
    SpecError
        At construction, when values contradict each other; the message names the field.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    sample_rate_hz: int
    """Sampling rate of the audio the front end takes, in hertz."""
    clip_samples: int
    """Length of the audio of one inference, in samples."""
    n_fft: int
    """Length of the Fourier transform, in samples; even, with prime factors 2, 3 and 5 only."""
    win_length: int
    """Length of the window, in samples; centred in the transform, zeros around it."""
    hop_length: int
    """Distance from one frame to the next, in samples."""
    window: Literal["hann", "hamming"] = "hann"
    """Window function."""
    window_periodic: bool = True
    """True for a window of period `win_length` (spectral analysis), false for a symmetric one."""
    center: bool = True
    """True: frame t is centred on sample t * hop_length, the clip padded by n_fft // 2 on both sides."""
    pad_mode: Literal["reflect", "constant"] = "reflect"
    """What stands in the padding of a centred clip: its mirror image, or zeros."""
    power: Literal[1, 2] = 2
    """Exponent of the magnitude spectrum: 1 for magnitude, 2 for power."""
    n_mels: int
    """Number of mel bands."""
    mel_scale: Literal["htk", "slaney"] = "htk"
    """Formula of the mel scale."""
    mel_norm: Literal["none", "slaney"] = "none"
    """Normalization of each filter: none (peak 1) or slaney (area 1)."""
    f_min_hz: float = 0.0
    """Lower edge of the first band, in hertz."""
    f_max_hz: float
    """Upper edge of the last band, in hertz; at most half the sampling rate."""
    log: Literal["natural", "log10"] = "natural"
    """Base of the logarithm."""
    log_offset: float = 1e-5
    """What is added to a band before the logarithm; positive."""
    layout: Literal["mel_time", "time_mel"] = "mel_time"
    """Axes of the model's input: (1, n_mels, frames, 1) or (1, frames, n_mels, 1)."""

    def __post_init__(self) -> None:
        checks: tuple[tuple[bool, str], ...] = (
            (self.sample_rate_hz > 0, "sample_rate_hz must be positive"),
            (self.n_fft >= 8 and self.n_fft % 2 == 0, "n_fft must be even and at least 8"),
            (_is_smooth(self.n_fft), "n_fft must have no prime factor above 5"),
            (0 < self.win_length <= self.n_fft, "win_length must be from 1 to n_fft"),
            (self.hop_length > 0, "hop_length must be positive"),
            (self.n_mels > 0, "n_mels must be positive"),
            (0 <= self.f_min_hz < self.f_max_hz, "f_min_hz must be at least 0 and below f_max_hz"),
            (2 * self.f_max_hz <= self.sample_rate_hz, "f_max_hz must be at most half of sample_rate_hz"),
            (self.log_offset > 0, "log_offset must be positive"),
            (
                self.clip_samples >= (self.n_fft // 2 + 1 if self.center else self.n_fft),
                "clip_samples must cover one frame (n_fft, or n_fft // 2 + 1 when centred)",
            ),
        )
        for holds, rule in checks:
            if not holds:
                raise SpecError(f"front end: {rule}. Received: {self}")

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
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the model's input, NHWC with batch 1."""
        if self.layout == "mel_time":
            return (1, self.n_mels, self.n_frames, 1)
        return (1, self.n_frames, self.n_mels, 1)

    @property
    def spec_id(self) -> str:
        """Fingerprint of the whole specification: 16 hexadecimal digits, carried from bundle to board."""
        return short_id(self)


def _is_smooth(n: int) -> bool:
    for factor in (2, 3, 5):
        while n > 0 and n % factor == 0:
            n //= factor
    return n == 1
