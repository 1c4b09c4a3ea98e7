"""Files of TensorFlow Lite are not to be trusted: what every reader of theirs has around it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.tflite.identity import check_identifier

T = TypeVar("T")

# what the flatbuffer accessors raise on offsets that lead nowhere
_DAMAGE = (struct.error, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError)


def read_checked(model: bytes, read: Callable[[bytes], T]) -> T:
    """Return what `read` makes of a flatbuffer.

    Raises
    ------
    ModelError
        When it is no flatbuffer of TensorFlow Lite, or a damaged one; or what `read` itself says of it.
    """
    check_identifier(model)
    try:
        return read(model)
    except _DAMAGE as failure:
        raise ModelError(
            f"the TensorFlow Lite model is damaged: {type(failure).__name__}: {failure}",
            hint="export or convert it again",
        ) from failure


def buffer_bytes(model: bytes, root: Any, index: int) -> NDArray[np.uint8] | None:
    """Return the bytes of a buffer, a view; None for one that is empty, as activations have.

    Large models have them behind the flatbuffer, at an offset from the beginning of the file.

    Raises
    ------
    ValueError
        When there is no such buffer, or the file ends before it does.
    """
    if not 0 <= index < root.BuffersLength():
        raise ValueError(f"buffer {index} of {root.BuffersLength()}")
    if index == 0:  # empty by definition
        return None
    buffer = root.Buffers(index)
    if buffer.Offset() > 1:  # 0 and 1 are what writers leave in a field that they do not use
        begin, size = int(buffer.Offset()), int(buffer.Size())
        if begin + size > len(model):
            raise ValueError(f"buffer {index} of {size} bytes at {begin} in a file of {len(model)} bytes")
        return np.frombuffer(model, np.uint8, size, begin) if size else None
    return np.asarray(buffer.DataAsNumpy()) if buffer.DataLength() > 0 else None
