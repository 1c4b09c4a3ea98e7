"""Tables of the C front end in float32: passes of the transform, window, mel bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from asc_kit.frontend import FrontEndSpec, window

from ..c_text import c_float
from .fft import FftPlan, declare, in_reading_order, last_turns, plan_passes, split_turns, twiddles
from .mel import MelSlopes, mel_slopes

_SAMPLE_SCALE = 2.0**-15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloatTables:
    """Everything asc_frontend_f32_t holds."""

    header: ClassVar[str] = "asc_frontend_f32.h"
    """Header that declares its type."""
    function: ClassVar[str] = "asc_frontend_f32"
    """C function that computes the bands of a frame."""
    bands_apart: ClassVar[bool] = False
    """Whether bands need words of their own, beyond those that the spectrum leaves free."""

    spec: FrontEndSpec
    """The specification."""
    plan: FftPlan
    """Passes of the transform."""
    window: NDArray[np.float32]
    """Times 2**-16: int16 samples to ±1, and a factor 1/2 of the real transform; in the order it is read."""
    order: NDArray[np.uint16]
    """First sample of each transform of the first pass; or twice the place of each complex input."""
    twiddles: tuple[NDArray[np.float32], ...]
    """Complex factors of the middle passes, interleaved."""
    last_table: NDArray[np.float32]
    """Complex factors of the last pass, interleaved."""
    mel: MelSlopes
    """The filters."""

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
            "last_table": self.last_table,
            "counts": self.mel.counts,
            "shares": self.mel.shares.astype(np.float32),
            "scales": self.mel.scales.astype(np.float32),
        }

    @property
    def declarations(self) -> list[str]:
        """C text of the structs that refer to the arrays; the last one is `tables`."""
        spec = self.spec
        fields = {
            "first_pass": f"asc_fft_window_{self.plan.first_name}_f32",
            "window": f"{{{spec.n_fft}, {spec.win_length}, window, order}}",
            "last_pass": f"asc_fft_power_{'4' if self.plan.fused_last else 'any'}_f32",
            "last_table": "last_table",
            "finish": "asc_frontend_magnitude_f32" if spec.power == 1 else 0,
            "first_bin": self.mel.first_bin,
            "counts": "counts",
            "shares": "shares",
            "scales": "scales",
            "offset": c_float(spec.log_offset),
        }
        return declare(self.plan, self.twiddles, "f32", fields)


def float_tables(spec: FrontEndSpec) -> FloatTables:
    """Make the tables of a specification."""
    half = spec.n_fft // 2
    plan = plan_passes(half, spec.win_length)
    taper = window(spec) * (_SAMPLE_SCALE / 2)
    order, ordered = in_reading_order(plan, spec, taper)
    return FloatTables(
        spec=spec,
        plan=plan,
        window=ordered.astype(np.float32),
        order=order.astype(np.uint16),
        twiddles=tuple(_interleave(twiddles(radix, m)) for radix, m in plan.middle),
        last_table=_interleave(last_turns(half) if plan.fused_last else split_turns(half)),
        mel=mel_slopes(spec),
    )


def _interleave(values: NDArray[np.complex128]) -> NDArray[np.float32]:
    return np.stack([values.real, values.imag], axis=-1).reshape(-1).astype(np.float32)
