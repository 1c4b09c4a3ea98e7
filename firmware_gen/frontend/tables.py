"""Constant tables of the C front end, from the same float64 tables as the NumPy reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.frontend import FrontEndSpec
from asc_kit.hardware.board import Arithmetic
from asc_kit.quantization import TensorInfo

from .f32 import FloatTables, float_tables
from .s32 import FixedTables, fixed_tables

_LARGEST_N_FFT = 1 << 16  # positions are 16-bit
_MAX_BITS = 0x7F800000  # of infinity: no band has them
_ABOVE_ALL = 0xFFFFFFFF
_CALLED = re.compile(r"\b(asc_(?:fft_\w+|frontend_magnitude)_[fs]32)\b")
# functions that are not in one C file of their name
_FILES = {
    "asc_fft_pass_8_f32": ("asc_fft_pass_8_f32.S", "asc_fft_pass_8_portable_f32.c"),
    "asc_fft_power_4_f32": (
        "asc_fft_power_4_f32.c",
        "asc_fft_power_pairs_f32.S",
        "asc_fft_power_pairs_portable_f32.c",
    ),
    "asc_frontend_f32": ("asc_frontend_f32.c", "asc_frontend_bands_f32.S", "asc_frontend_bands_portable_f32.c"),
    "asc_fft_window_8x6_f32": ("asc_fft_window_8x6_f32.S", "asc_fft_window_8x6_portable_f32.c"),
}
_LISTEN_BYTES = 40  # of asc_listen_t


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thresholds:
    """How a band's energy becomes int8: equation (8) of asc_frontend_quantize.h."""

    bits: NDArray[np.uint32]
    """Shape [256], float32 bits of the energies at which the value rises, and one above all."""
    guess_start: int
    """Guess for bits 0, times 2**32."""
    guess_slope: int
    """What a bit adds to the guess, times 2**32."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrontEndTables:
    """Everything asc_frontend_config holds."""

    spec: FrontEndSpec
    """The specification."""
    info: TensorInfo
    """Quantization of the network's input."""
    arithmetic: FloatTables | FixedTables
    """Tables of the transform and the mel bands."""
    thresholds: Thresholds | None
    """Quantization frame by frame; None where a whole clip is needed first."""

    @property
    def first(self) -> int:
        """Position of frame 0's first sample, negative where the clip is padded."""
        offset = (self.spec.n_fft - self.spec.win_length) // 2
        return offset - self.spec.n_fft // 2 if self.spec.center else offset

    @property
    def buffer_samples(self) -> int:
        """Samples the front end keeps: one before the window, and what the first frame's mirror image reaches."""
        return 1 + max(self.arithmetic.samples_read, 1 - 2 * self.first if self.spec.center else 0)

    @property
    def keeps_clip(self) -> bool:
        """Whether all log-mel values of a clip are needed at once."""
        return self.spec.standardize == "clip" or self.spec.delta_width > 0

    @property
    def sources(self) -> tuple[str, ...]:
        """C files of the runtime that the tables need; the headers they include come with them."""
        clip = ("asc_frontend_clip.c",) if self.keeps_clip else ()
        # one function per file, so that builds which link all of them link none that is not called
        called = [self.arithmetic.function, *sorted(set(_CALLED.findall("\n".join(self.arithmetic.declarations))))]
        parts = tuple(file for name in called for file in _FILES.get(name, (f"{name}.c",)))
        return ("asc_frontend.c", *clip, *parts)

    @property
    def work_words(self) -> int:
        """Words of the transform, of a clip's log-mel values where they are kept, and of a frame's bands."""
        return self._words_before_bands + (self.spec.n_mels if self.arithmetic.bands_apart else 0)

    @property
    def band_place(self) -> tuple[int, int]:
        """Word of the first band, and words from one to the next."""
        return (self._words_before_bands, 1) if self.arithmetic.bands_apart else (1, 2)

    @property
    def _words_before_bands(self) -> int:
        return self.spec.n_fft + 2 + (self.spec.n_frames * self.spec.n_mels if self.keeps_clip else 0)

    @property
    def ram_bytes(self) -> int:
        """RAM of the front end."""
        return 2 * self.buffer_samples + 4 * self.work_words + 3 * 4

    @property
    def ring_bytes(self) -> int:
        """RAM of the features of a window of a stream: int8, or log-mel values where a whole window is needed."""
        return self.spec.n_frames * self.spec.n_mels * (4 if self.keeps_clip else 1)

    @property
    def listener_bytes(self) -> int:
        """RAM of listening to a stream, beside that of the front end: the ring, and where the stream stands."""
        return _LISTEN_BYTES + -(-self.ring_bytes // 8) * 8

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The tables by name, as C needs them."""
        quantization = {} if self.thresholds is None else {"thresholds": self.thresholds.bits}
        return self.arithmetic.arrays | quantization

    @property
    def table_bytes(self) -> int:
        """Bytes of all tables."""
        return sum(array.nbytes for array in self.arrays.values())


def frontend_tables(spec: FrontEndSpec, info: TensorInfo, arithmetic: Arithmetic = "float") -> FrontEndTables:
    """Make the tables of a front end, in float32 or in integers.

    Raises
    ------
    ModelError
        When the specification goes beyond what the C front end computes.
    """
    if spec.n_fft > _LARGEST_N_FFT:
        raise ModelError(
            f"the front end's n_fft is {spec.n_fft}", hint=f"the front end in C supports up to {_LARGEST_N_FFT:,}"
        )
    if spec.log_offset < float(np.finfo(np.float32).tiny):
        raise ModelError(
            f"the front end's log_offset is {spec.log_offset}",
            hint="the front end in C supports 1.2e-38, the least normal float, and more",
        )
    keeps_clip = spec.standardize == "clip" or spec.delta_width > 0
    return FrontEndTables(
        spec=spec,
        info=info,
        arithmetic=float_tables(spec) if arithmetic == "float" else fixed_tables(spec),
        thresholds=None if keeps_clip else quantization_thresholds(spec, info),
    )


def quantization_thresholds(spec: FrontEndSpec, info: TensorInfo) -> Thresholds:
    """Return at which energies a band's int8 value rises, and a guess that is never high.

    Value -128 + i + 1 begins where log(e) / scale + zero_point is -128 + i + 1/2. Bits b of a float stand, in units of
    2**-23, for a piecewise linear log2; of all guesses with the right slope, the highest start is taken that keeps the
    guess for the last bits below each threshold within the number of thresholds below.
    """
    inverse = float(np.float32(1.0 / info.scale))
    values = (np.arange(-127, 128) - 0.5 - info.zero_point) / inverse
    with np.errstate(over="ignore", under="ignore"):
        energies = (np.exp(values) if spec.log == "natural" else np.power(10.0, values)).astype(np.float32)
    bits = np.minimum(energies.view(np.uint32), np.uint32(_MAX_BITS))
    per_octave = inverse * float(np.log(2.0) if spec.log == "natural" else np.log10(2.0))
    slope = min(round(per_octave * 2.0**9), 2**31 - 1)
    least = int(np.float32(spec.log_offset).view(np.uint32))  # no band has less
    limits = [(i + 1) * 2**32 - 1 - (int(b) - 1) * slope for i, b in enumerate(bits) if b > least]
    start = min(limits, default=255 * 2**32)
    return Thresholds(bits=np.append(bits, np.uint32(_ABOVE_ALL)), guess_start=start, guess_slope=slope)
