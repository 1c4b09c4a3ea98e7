"""Values for the template of the front end's tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from asc_kit.frontend import STD_FLOOR

from ..c_text import c_float
from .tables import FrontEndTables

_TYPES = {"uint8": "uint8_t", "uint16": "uint16_t", "uint32": "uint32_t", "int32": "int32_t", "float32": "float"}
# fields of one of the two ways to make values; all stand there, since C++ compilers warn of those left out
_FRAME_BY_FRAME = ("thresholds", "guess_start", "guess_slope")
_OF_A_CLIP = (
    "log_mel", "finish_clip", "zero_point", "inverse_scale", "standardize", "delta_reach", "delta_factor", "std_floor"
)  # fmt: skip


def frontend_text(tables: FrontEndTables) -> dict[str, Any]:
    """Return the values of asc_frontend_tables.c.j2."""
    return {
        "frontend_arrays": _arrays(tables),
        "frontend_fields": _fields(tables),
        "radix_list": "x".join(str(radix) for radix in tables.arithmetic.plan.radices),
    }


def _arrays(tables: FrontEndTables) -> list[dict[str, Any]]:
    # C has no arrays of no elements: a table that is empty (no bin in any filter) gets one that is never read
    return [
        {
            "name": name,
            "type": _TYPES[str(array.dtype)],
            "size": max(array.size, 1),
            "values": array if array.size else np.zeros(1, array.dtype),
        }
        for name, array in tables.arrays.items()
    ]


def _fields(tables: FrontEndTables) -> list[tuple[str, str]]:
    spec, info = tables.spec, tables.info
    frame_step, mel_step = (1, spec.n_frames) if spec.layout == "mel_time" else (spec.n_mels, 1)
    log_factor = 1.0 if spec.log == "natural" else 1.0 / float(np.log(10.0))
    fields = [
        ("n_fft", str(spec.n_fft)),
        ("win_length", str(spec.win_length)),
        ("hop_length", str(spec.hop_length)),
        ("n_frames", str(spec.n_frames)),
        ("n_mels", str(spec.n_mels)),
        ("clip_samples", str(spec.clip_samples)),
        ("first", str(tables.first)),
        ("reflect", str(int(spec.center and spec.pad_mode == "reflect"))),
        ("frame_step", str(frame_step * spec.n_channels)),
        ("mel_step", str(mel_step * spec.n_channels)),
        ("bands", tables.arithmetic.function),
        ("tables", "&tables"),
        ("band_first", str(tables.band_place[0])),
        ("band_step", str(tables.band_place[1])),
        ("log_factor", c_float(log_factor)),
    ]
    if tables.thresholds is not None:
        return [
            *fields,
            ("thresholds", "thresholds"),
            ("guess_start", f"{tables.thresholds.guess_start}"),
            ("guess_slope", f"{tables.thresholds.guess_slope}"),
            *((name, "0") for name in _OF_A_CLIP),
        ]
    reach = spec.delta_width // 2
    squares = sum(n * n for n in range(1, reach + 1))
    return [
        *fields,
        *((name, "0") for name in _FRAME_BY_FRAME),
        ("log_mel", "asc_frontend_log_mel"),
        ("finish_clip", "asc_frontend_clip"),
        ("zero_point", str(info.zero_point)),
        ("inverse_scale", c_float(1.0 / info.scale)),
        ("standardize", str(int(spec.standardize == "clip"))),
        ("delta_reach", str(reach)),
        ("delta_factor", c_float(0.5 / squares if squares else 0.0)),
        ("std_floor", c_float(STD_FLOOR)),
    ]
