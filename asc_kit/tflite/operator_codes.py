"""Which operators a .tflite file has: by name with the schema, or by code from the bytes alone."""

from __future__ import annotations

import functools
import struct
from typing import Any

from asc_kit.text import tensor_name

SUM = 74
"""Code of SUM in TFLite's schema."""
_LONGEST_CUSTOM = 100
_CUSTOM = 32


@functools.cache
def builtin_names() -> dict[int, str]:
    """Return the names of TFLite's own operators, by code."""
    import tflite

    return {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}


def operator_name(opcode: Any) -> str:
    """Return what to call an operator, given the table of its code."""
    return name_of(int(opcode.BuiltinCode()), int(opcode.DeprecatedBuiltinCode()), opcode.CustomCode())


def name_of(builtin: int, deprecated: int, custom: bytes | None) -> str:
    """Return an operator's name, a custom one's as its makers gave it; a number that no known schema names."""
    # models of before schema 3a have the code in the older, narrower field only
    code = max(builtin, deprecated)
    if code == _CUSTOM:
        return f"CUSTOM '{tensor_name(custom)[:_LONGEST_CUSTOM]}'"  # written out already, so not repr
    return builtin_names().get(code, f"BUILTIN {code}")


def operator_codes(model: bytes) -> frozenset[int]:
    """Return the codes of all operators a file lists, without the schema; empty where the bytes lead nowhere.

    The interpreter needs this on computers that have TFLite's runtime and nothing else of it.
    """
    try:
        root = struct.unpack_from("<I", model, 0)[0]
        at = _field(model, root, 1)
        if at is None:
            return frozenset()
        vector = at + struct.unpack_from("<I", model, at)[0]
        codes = set()
        for index in range(min(struct.unpack_from("<I", model, vector)[0], len(model) // 4)):
            place = vector + 4 + 4 * index
            table = place + struct.unpack_from("<I", model, place)[0]
            narrow, wide = _field(model, table, 0), _field(model, table, 3)
            codes.add(
                max(
                    struct.unpack_from("<b", model, narrow)[0] if narrow is not None else 0,
                    struct.unpack_from("<i", model, wide)[0] if wide is not None else 0,
                )
            )
        return frozenset(codes)
    except struct.error:
        return frozenset()


def _field(model: bytes, table: int, number: int) -> int | None:
    """Return where a field of a table is; None where the table leaves it out."""
    vtable = table - struct.unpack_from("<i", model, table)[0]
    if vtable < 0 or 4 + 2 * number >= struct.unpack_from("<H", model, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", model, vtable + 4 + 2 * number)[0]
    return table + offset if offset else None
