"""What the hypothesis strategies for int8 models share: a case, its inputs, and free quantization."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from int8_models import ACTIVATIONS, ModelBuilder

VECTORS = 3
"""Inputs per case: uniform, normal and one that saturates."""


class Case:
    """A model and inputs for it, shape [VECTORS, input bytes], int8."""

    # not a dataclass: hypothesis would print all bytes
    def __init__(self, what: str, model: bytes, inputs: np.ndarray) -> None:
        self.what, self.model, self.inputs = what, model, inputs

    def __repr__(self) -> str:
        return f"Case({self.what})"


def inputs_for(rng: np.random.Generator, n: int) -> np.ndarray:
    """Inputs that reach the middle and the ends of the range."""
    return np.stack(
        [
            rng.integers(-128, 128, n),
            np.clip(np.rint(rng.normal(0, 30, n)), -128, 127),
            rng.choice([-128, 127], n),
        ]
    ).astype(np.int8)


def draw_scale(rng: np.random.Generator, low: float = -3.0, high: float = 0.0) -> float:
    """A scale, evenly on a logarithmic axis from 10**low to 10**high."""
    return float(np.float32(10.0 ** rng.uniform(low, high)))


def draw_zero_point(rng: np.random.Generator) -> int:
    """A zero point, often one at the ends of the range or 0."""
    return int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128))]))


def draw_tie_scale(rng: np.random.Generator, scale: float) -> float:
    """An output scale at which values fall on ties between outputs, as nearly as float32 can say.

    There the last bit of a kernel's multiplier shows: whether scales are divided in float32 or in float64.
    """
    return float(np.float32(scale * 2 * rng.integers(3, 128) / (2 * rng.integers(0, 60) + 1)))


seeds = st.integers(0, 2**32 - 1)
activations = st.sampled_from(sorted(ACTIVATIONS))


def finish(builder: ModelBuilder, source: int, output: int, n: int, rng: np.random.Generator, what: str) -> Case:
    """A case of a builder's model with n bytes of input."""
    return Case(what, builder.finish(source, output), inputs_for(rng, n))
