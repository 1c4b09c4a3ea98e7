"""Affine int8 quantization, real = scale * (q - zero_point), and its settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from asc_kit.records.fields import MAX_ELEMENTS, MAX_RANK, Count, Epochs, Positive, PositiveCount, Scale, Share, require
from asc_kit.records.record import STRICT

Method = Literal["ptq", "qat"]
"""Post-training quantization, or quantization-aware training, which fine-tunes its result."""
Calibration = Literal["min_max", "percentile", "mse"]
"""Range of an activation: all values seen; all except a share at either end; or the range whose quantization has the
least mean squared error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationSettings:
    """Settings by which a float network becomes int8. A recipe has them; ``asc-kit export`` can replace them."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    method: Method = "ptq"
    """With or without fine-tuning."""
    calibration: Calibration = "min_max"
    """Calibration of activation ranges."""
    percentile: Annotated[float, Field(gt=50, le=100)] = 99.99
    """For the percentile calibration, percent of the values below the upper end, and above the lower end."""
    representative_clips: Count = 100
    """Training clips that set the ranges."""
    equalization: bool = False
    """Whether factors move from layer to layer first, to equalize the ranges of a tensor's channels."""
    bias_correction: bool = False
    """Whether biases correct the mean error of each channel from rounding the weights."""
    qat_epochs: Annotated[Epochs, Field(gt=0)] = 4
    """Fine-tuning: passes over the training windows."""
    qat_batch_size: Annotated[int, Field(gt=0, le=1 << 20)] = 32
    """Fine-tuning: windows per step."""
    qat_learning_rate: Positive = 3e-4
    """Fine-tuning: first learning rate; it falls to zero along half a cosine."""
    qat_teacher_weight: Share = 0.9
    """Fine-tuning: share of the float network's soft targets in the loss."""
    qat_temperature: Positive = 2.0
    """Fine-tuning: divisor of both networks' logits."""
    qat_windows: PositiveCount = 20_000
    """Fine-tuning: at most this many training windows, spread over classes and recording devices."""


def describe(settings: QuantizationSettings) -> str:
    """Return the settings in a few words, for people."""
    words = [settings.method.upper(), settings.calibration.replace("_", "-")]
    if settings.calibration == "percentile":
        words[-1] += f" {settings.percentile:g}"
    if settings.equalization:
        words.append("equalized")
    if settings.bias_correction:
        words.append("biases corrected")
    return ", ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """An int8 tensor at the edge of a model: its input or its output."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    shape: Annotated[tuple[Annotated[int, Field(ge=1, le=1 << 24)], ...], Field(min_length=1, max_length=MAX_RANK)]
    """Dimensions, batch first; the batch is 1."""
    scale: Scale
    """Real units per quantization step."""
    zero_point: Annotated[int, Field(ge=-128, le=127)]
    """The int8 value of real 0."""
    dtype: Literal["int8"] = "int8"
    """Element type."""

    def __post_init__(self) -> None:
        require(
            (
                math.prod(self.shape) <= MAX_ELEMENTS,
                f"a tensor has at most {MAX_ELEMENTS:,} values. Received: {self.shape}",
            )
        )

    @property
    def n_elements(self) -> int:
        """Number of elements, which is also the number of bytes."""
        return int(np.prod(self.shape))

    def quantize(self, real: NDArray[np.float32]) -> NDArray[np.int8]:
        """Quantize real values to int8, in the shape given.

        Formula: q = clip(rint(x * float32(1 / scale)) + zero_point, -128, 127), ties to even.
        The product is computed in float32, so that a board with a single-precision FPU gets the same integers from the
        same floats.
        """
        inverse = np.float32(1.0 / self.scale)
        steps = np.rint(np.asarray(real, np.float32) * inverse) + np.float32(self.zero_point)
        return np.asarray(np.clip(steps, -128, 127), np.int8)

    def dequantize(self, quantized: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the real values of int8 values, as float32."""
        steps = np.asarray(quantized, np.float32) - np.float32(self.zero_point)
        return (steps * np.float32(self.scale)).astype(np.float32)
