"""SLICE, SPLIT, SPLIT_V, STRIDED_SLICE and TRANSPOSE: some of the values, or all in another order."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from .definition import Call, Definition, UnsupportedError, pass_on


def _split(call: Call) -> list[Any]:
    position = 1 if call.operator.op == "SPLIT" else 0
    axis = call.constant(0 if call.operator.op == "SPLIT" else 2)[0]
    at = axis % len(call.shape(position))
    sizes = [call.network.tensors[index].shape[at] for index in call.operator.outputs]
    return call.outputs(*tf.split(call.inputs[position], sizes, call.axis(axis, position)))


def _slice(call: Call) -> list[Any]:
    begin, size = call.constant(1), call.constant(2)
    sides = [slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True)]
    return call.outputs(call.x[_batched(call, sides)])


def _strided_slice(call: Call) -> list[Any]:
    o = call.options
    if o.EllipsisMask() or o.NewAxisMask() or o.ShrinkAxisMask() & 1:
        raise UnsupportedError("STRIDED_SLICE with an ellipsis, a new axis or one picked out of the batch")
    sides = []
    for axis, (begin, end, stride) in enumerate(zip(call.constant(1), call.constant(2), call.constant(3), strict=True)):
        bit = 1 << axis
        if o.ShrinkAxisMask() & bit:
            sides.append(slice(begin, begin + 1 or None))
        else:
            sides.append(slice(None if o.BeginMask() & bit else begin, None if o.EndMask() & bit else end, stride))
    return call.outputs(call.x[_batched(call, sides)])


def _batched(call: Call, sides: list[slice]) -> tuple[slice, ...]:
    return (slice(None), *(sides[1:] if call.shape(0)[0] == 1 else sides))


def _transpose(call: Call) -> list[Any]:
    order = call.constant(1)
    if call.shape(0)[0] != 1:
        return call.outputs(tf.transpose(call.x, (0, *(axis + 1 for axis in order))))
    if order[0] != 0:
        raise UnsupportedError("TRANSPOSE that moves the batch")
    return [tf.transpose(call.x, order)]


DEFINITIONS = tuple(
    Definition(op=op, int8_version=2, compute=compute, rounding=pass_on, shared_scale=True)
    for op, compute in (
        ("SLICE", _slice),
        ("SPLIT", _split),
        ("SPLIT_V", _split),
        ("STRIDED_SLICE", _strided_slice),
        ("TRANSPOSE", _transpose),
    )
)
