"""The operators of a .tflite file: by name with the schema, or by code from the bytes alone."""

from __future__ import annotations

import functools
import struct

from asc_kit.text import tensor_name

SUM = 74
"""Code of SUM in TFLite's schema."""
STATE_OPERATORS = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"})
"""They name, set and read variables, and compute nothing."""
_LONGEST_CUSTOM = 100
_CUSTOM = 32


@functools.cache
def builtin_names() -> dict[int, str]:
    """Return the names of TFLite's own operators, by code."""
    import tflite

    return {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}


def operator_names(model: bytes) -> tuple[str, ...]:
    """Return the name of each operator that a file lists, in the order of its list.

    A custom operator has its makers' name, an operator of a later schema its number.

    Raises
    ------
    ValueError, struct.error
        When the bytes lead nowhere.
    """
    names = builtin_names()
    return tuple(
        # written out already, so not repr
        f"CUSTOM '{tensor_name(custom)[:_LONGEST_CUSTOM]}'" if code == _CUSTOM else names.get(code, f"BUILTIN {code}")
        for code, custom in _decode(model)
    )


def operator_codes(model: bytes) -> frozenset[int]:
    """Return the codes of all operators that a file lists, without the schema; empty for damaged bytes.

    The interpreter needs this on computers with TFLite's runtime alone.
    """
    try:
        return frozenset(code for code, _ in _decode(model))
    except (struct.error, ValueError):
        return frozenset()


def code_of(builtin: int, deprecated: int) -> int:
    """Return an operator's code: models of before schema 3a have it in the older, narrower field only."""
    return max(builtin, deprecated)


def _decode(model: bytes) -> list[tuple[int, bytes | None]]:
    """Return the code and the custom name of each operator a file lists, from the bytes alone."""
    at = _field(model, _indirect(model, 0), 1)
    if at is None:
        return []
    vector = _indirect(model, at)
    (count,) = struct.unpack_from("<I", model, vector)
    if 4 * count > len(model):
        raise ValueError(f"a vector of {count} elements in a file of {len(model)} bytes")
    decoded = []
    for index in range(count):
        table = _indirect(model, vector + 4 + 4 * index)
        narrow, custom, wide = (_field(model, table, number) for number in (0, 1, 3))
        code = code_of(
            struct.unpack_from("<i", model, wide)[0] if wide is not None else 0,
            struct.unpack_from("<b", model, narrow)[0] if narrow is not None else 0,
        )
        decoded.append((code, _string(model, custom) if custom is not None else None))
    return decoded


def _indirect(model: bytes, at: int) -> int:
    """Return where the offset at a place leads."""
    return at + int(struct.unpack_from("<I", model, at)[0])


def _string(model: bytes, at: int) -> bytes:
    start = _indirect(model, at)
    return model[start + 4 : start + 4 + struct.unpack_from("<I", model, start)[0]]


def _field(model: bytes, table: int, number: int) -> int | None:
    """Return where a field of a table is; None where the table leaves it out."""
    vtable = table - struct.unpack_from("<i", model, table)[0]
    if vtable < 0:
        raise ValueError(f"a table at {table} is described at {vtable}")
    if 4 + 2 * number >= struct.unpack_from("<H", model, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", model, vtable + 4 + 2 * number)[0]
    return table + offset if offset else None
