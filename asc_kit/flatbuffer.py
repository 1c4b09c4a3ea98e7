"""Files of TensorFlow Lite are not to be trusted: what every reader of theirs has around it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from asc_kit.errors import ModelError

T = TypeVar("T")

_IDENTIFIER = b"TFL3"
# what the flatbuffer accessors raise on offsets that lead nowhere
_DAMAGE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)


def read_checked(model: bytes, read: Callable[[bytes], T]) -> T:
    """Return what `read` makes of a flatbuffer.

    Raises
    ------
    ModelError
        When it is no flatbuffer of TensorFlow Lite, or a damaged one; or what `read` itself says of it.
    """
    if model[4:8] != _IDENTIFIER:
        raise ModelError(
            "this is not a TensorFlow Lite model: it does not have the identifier TFL3",
            hint="give a .tflite file as the converter writes it",
        )
    try:
        return read(model)
    except _DAMAGE as failure:
        raise ModelError(
            f"the TensorFlow Lite model is damaged: {type(failure).__name__}: {failure}",
            hint="export or convert it again",
        ) from failure
