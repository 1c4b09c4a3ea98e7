"""Constant tables of the C front end, from the same float64 tables as the NumPy reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.frontend import FrontEndSpec, mel_filter_bank, window
from asc_kit.quantization import TensorInfo

_SAMPLE_SCALE = 2.0**-15
_LARGEST_N_FFT = 1 << 16  # positions are 16-bit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrontEndTables:
    """Everything asc_frontend_config holds."""

    spec: FrontEndSpec
    """The specification."""
    info: TensorInfo
    """Quantization of the network's input."""
    window: NDArray[np.float32]
    """Shape [win_length], times 2**-16: int16 samples to ±1, and a factor 1/2 of the real transform."""
    order: NDArray[np.uint16]
    """Shape [n_fft / 2], where each complex input goes."""
    radices: tuple[int, ...]
    """Radix of each pass."""
    twiddles: NDArray[np.float32]
    """Complex factors of the passes, interleaved."""
    split: NDArray[np.float32]
    """Complex factors that make a real spectrum of a complex one, interleaved."""
    band_first: NDArray[np.uint16]
    """Shape [n_mels], first bin."""
    band_taps: NDArray[np.uint16]
    """Shape [n_mels], number of bins."""
    taps: NDArray[np.float32]
    """All filters, one after the other."""

    @property
    def first(self) -> int:
        """Position of frame 0's first sample, negative where the clip is padded."""
        offset = (self.spec.n_fft - self.spec.win_length) // 2
        return offset - self.spec.n_fft // 2 if self.spec.center else offset

    @property
    def buffer_samples(self) -> int:
        """Samples the front end keeps: one before the window, and what the first frame's mirror image reaches."""
        return 1 + max(self.spec.win_length, 1 - 2 * self.first if self.spec.center else 0)

    @property
    def keeps_clip(self) -> bool:
        """Whether all log-mel values of a clip are needed at once."""
        return self.spec.standardize == "clip" or self.spec.delta_width > 0

    @property
    def work_floats(self) -> int:
        """Floats of the transform, and of a clip's log-mel values where they are kept."""
        return self.spec.n_fft + 2 + (self.spec.n_frames * self.spec.n_mels if self.keeps_clip else 0)

    @property
    def ram_bytes(self) -> int:
        """RAM of the front end."""
        return 2 * self.buffer_samples + 4 * self.work_floats + 3 * 4

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The tables by name, as C needs them."""
        return {
            "window": self.window,
            "order": self.order,
            "radices": np.array(self.radices, np.uint8),
            "twiddles": self.twiddles,
            "split": self.split,
            "band_first": self.band_first,
            "band_taps": self.band_taps,
            "taps": self.taps,
        }

    @property
    def table_bytes(self) -> int:
        """Bytes of all tables."""
        return sum(array.nbytes for array in self.arrays.values())


def frontend_tables(spec: FrontEndSpec, info: TensorInfo) -> FrontEndTables:
    """Make the tables of a front end.

    Raises
    ------
    ModelError
        When the specification goes beyond what the C front end computes.
    """
    if spec.n_fft > _LARGEST_N_FFT:
        raise ModelError(f"n_fft is {spec.n_fft}", hint=f"the front end in C supports up to {_LARGEST_N_FFT}")
    if spec.log_offset < float(np.finfo(np.float32).tiny):
        raise ModelError(
            f"log_offset is {spec.log_offset}", hint="the front end in C needs at least 1.2e-38, the least normal float"
        )
    half = spec.n_fft // 2
    radices = _radices(half)
    bank = mel_filter_bank(spec)
    first, taps = [], []
    for band in bank.T:
        bins = np.nonzero(band)[0]
        low, high = (int(bins[0]), int(bins[-1]) + 1) if len(bins) else (0, 0)
        first.append(low)
        taps.append(band[low:high])
    k = np.arange(1, half // 2 + 1)
    return FrontEndTables(
        spec=spec,
        info=info,
        window=(window(spec) * (_SAMPLE_SCALE / 2)).astype(np.float32),
        order=_input_order(radices),
        radices=radices,
        twiddles=_twiddles(radices),
        split=_interleave(np.exp(-2j * np.pi * k / spec.n_fft)),
        band_first=np.array(first, np.uint16),
        band_taps=np.array([len(part) for part in taps], np.uint16),
        taps=np.concatenate(taps).astype(np.float32),
    )


def _interleave(values: NDArray[np.complex128]) -> NDArray[np.float32]:
    return np.stack([values.real, values.imag], axis=-1).reshape(-1).astype(np.float32)


def _radices(n: int) -> tuple[int, ...]:
    """Factor a length into radices, large ones first: the first pass is the cheapest."""
    radices: list[int] = []
    for radix in (5, 4, 3, 2):
        while n % radix == 0:
            radices.append(radix)
            n //= radix
    return tuple(radices)


def _input_order(radices: tuple[int, ...]) -> NDArray[np.uint16]:
    """Return where each input goes so that decimation in time ends in natural order.

    The last pass joins `radix` transforms of the inputs q, q + radix, q + 2 radix, ...: transform q lies at q * m.
    """
    n = math.prod(radices)
    index = np.arange(n)
    place = np.zeros(n, np.int64)
    size = n
    for radix in reversed(radices):
        size //= radix
        place += index % radix * size
        index //= radix
    return place.astype(np.uint16)


def _twiddles(radices: tuple[int, ...]) -> NDArray[np.float32]:
    parts = [np.zeros(0, np.complex128)]
    m = radices[0]
    for radix in radices[1:]:
        j, q = np.meshgrid(np.arange(m), np.arange(1, radix), indexing="ij")
        parts.append(np.exp(-2j * np.pi * j * q / (m * radix)).reshape(-1))
        m *= radix
    return _interleave(np.concatenate(parts))
