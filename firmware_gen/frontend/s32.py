"""Tables of the C front end in integers, for cores without floats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from asc_kit.frontend import FrontEndSpec, window

from .fft import FftPlan, declare, in_reading_order, plan_passes, split_turns, twiddles
from .mel import MelSlopes, mel_slopes

_LARGEST_S32 = 2.0**31 - 1
_LARGEST_U32 = 2.0**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FixedTables:
    """Everything asc_frontend_s32_t holds."""

    header: ClassVar[str] = "asc_frontend_s32.h"
    """Header that declares its type."""
    function: ClassVar[str] = "asc_frontend_s32"
    """C function that computes the bands of a frame."""
    bands_apart: ClassVar[bool] = True
    """Whether bands need words of their own: powers of 64 bits leave none free."""

    spec: FrontEndSpec
    """The specification."""
    plan: FftPlan
    """Passes of the transform."""
    window: NDArray[np.int32]
    """Times 2**31; in the order it is read."""
    order: NDArray[np.uint16]
    """First sample of each transform of the first pass; or twice the place of each complex input."""
    twiddles: tuple[NDArray[np.int32], ...]
    """Complex factors of the passes, times 2**32 / radix, interleaved."""
    turns: NDArray[np.int32]
    """Complex factors of the last step, times 2**31, interleaved."""
    mel: MelSlopes
    """The filters."""
    scales: NDArray[np.uint32]
    """Shape [n_mels], from sums of bins to energies: times 2**(scale_exponent - 32) and, per frame, gain**-power."""
    scale_exponent: int
    """See `scales`."""

    @property
    def samples_read(self) -> int:
        """Samples that the first pass reads: the window, or a little more."""
        return self.plan.samples_read(self.spec.win_length)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The tables by name, as C needs them."""
        return {
            "window": self.window,
            "order": self.order,
            **({"twiddles": np.concatenate(self.twiddles)} if self.twiddles else {}),
            "turns": self.turns,
            "counts": self.mel.counts,
            "slopes": np.minimum(np.rint(self.mel.slopes * 2.0**32), _LARGEST_U32).astype(np.uint32),
            "scales": self.scales,
        }

    @property
    def declarations(self) -> list[str]:
        """C text of the structs that refer to the arrays; the last one is `tables`."""
        spec = self.spec
        mantissa, exponent = math.frexp(float(np.float32(spec.log_offset)))
        fields = {
            "first_pass": f"asc_fft_window_{self.plan.first_name}_s32",
            "window": f"{{{spec.n_fft}, {spec.win_length}, window, order}}",
            "turns": "turns",
            "power": spec.power,
            "finish": "asc_fft_magnitude_s32" if spec.power == 1 else 0,
            "first_bin": self.mel.first_bin,
            "counts": "counts",
            "slopes": "slopes",
            "scales": "scales",
            "scale_exponent": self.scale_exponent,
            "offset": f"{int(mantissa * 2**32)}u",
            "offset_exponent": exponent - 32,
        }
        return declare(self.plan, self.twiddles, "s32", fields)


def fixed_tables(spec: FrontEndSpec) -> FixedTables:
    """Make the tables of a specification."""
    half = spec.n_fft // 2
    plan = plan_passes(half, spec.win_length, fixed=True)
    taper = np.minimum(np.rint(window(spec) * 2.0**31), _LARGEST_S32)
    order, ordered = in_reading_order(plan, spec, taper)
    mel = mel_slopes(spec)
    # bins: transform of samples times 2**15 and gain, divided by n_fft, and squared; or the roots of that times 2**16
    full = spec.n_fft * 2.0**-15
    scales = mel.scales * (full**2 if spec.power == 2 else full * 2.0**-16)
    exponent = math.frexp(float(scales.max()))[1]
    return FixedTables(
        spec=spec,
        plan=plan,
        window=ordered.astype(np.int32),
        order=order.astype(np.uint16),
        twiddles=tuple(_interleave(twiddles(radix, m) * (2.0**32 / radix)) for radix, m in plan.middle),
        turns=_interleave(split_turns(half) * _LARGEST_S32),
        mel=mel,
        scales=np.minimum(np.rint(scales * 2.0 ** (32 - exponent)), _LARGEST_U32).astype(np.uint32),
        scale_exponent=exponent,
    )


def _interleave(values: NDArray[np.complex128]) -> NDArray[np.int32]:
    parts = np.stack([values.real, values.imag], axis=-1).reshape(-1)
    return np.clip(np.rint(parts), -_LARGEST_S32, _LARGEST_S32).astype(np.int32)
