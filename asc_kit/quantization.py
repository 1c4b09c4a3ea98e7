"""Affine int8 quantization: real = scale * (q - zero_point)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from asc_kit.records import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """An int8 tensor at the edge of a model: its input or its output."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    shape: tuple[int, ...]
    """Dimensions, batch first; the batch is 1."""
    scale: Annotated[float, Field(gt=0)]
    """Real units per quantization step."""
    zero_point: Annotated[int, Field(ge=-128, le=127)]
    """The int8 value that stands for real 0."""
    dtype: Literal["int8"] = "int8"
    """Element type."""

    @property
    def n_elements(self) -> int:
        """Number of elements, which is also the number of bytes."""
        return int(np.prod(self.shape))

    def quantize(self, real: NDArray[np.float32]) -> NDArray[np.int8]:
        """Quantize real values to int8, in the shape given.

        Formula: q = clip(rint(x * float32(1 / scale)) + zero_point, -128, 127), ties to even.
        The product is taken in float32, so that a board with a single-precision FPU gets the same
        integers from the same floats.
        """
        inverse = np.float32(1.0 / self.scale)
        steps = np.rint(np.asarray(real, np.float32) * inverse) + np.float32(self.zero_point)
        return np.asarray(np.clip(steps, -128, 127), np.int8)

    def dequantize(self, quantized: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the real values that int8 values stand for, as float32."""
        steps = np.asarray(quantized, np.float32) - np.float32(self.zero_point)
        return (steps * np.float32(self.scale)).astype(np.float32)
