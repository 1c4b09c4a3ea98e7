"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same values in another shape."""

from __future__ import annotations

from typing import Any

from .definition import Call, Definition, pass_all_channels, pass_on


def _reshape(call: Call) -> list[Any]:
    return call.outputs(call.x)


DEFINITIONS = (
    Definition(
        op="RESHAPE",
        int8_version=1,
        compute=_reshape,
        rounding=pass_on,
        shared_scale=True,
        passes_channels=pass_all_channels,
    ),
    Definition(op="SQUEEZE", int8_version=1, compute=_reshape, rounding=pass_on, shared_scale=True),
    Definition(op="EXPAND_DIMS", int8_version=1, compute=_reshape, rounding=pass_on, shared_scale=True),
)
