"""A hypothesis strategy for LSTMs: sizes, sequences, coupled gates, cells of every scale, limits."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from int8_case import Case, draw_scale, draw_zero_point, finish, seeds
from int8_models import ModelBuilder

_TANH = 4
_GATES = 4


@st.composite
def lstm(draw: st.DrawFn) -> Case:
    """UNIDIRECTIONAL_SEQUENCE_LSTM; its state is 0 at first."""
    rng = np.random.default_rng(draw(seeds))
    steps, inputs, cells = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    is_coupled, time_major = draw(st.booleans()), draw(st.booleans())
    builder = ModelBuilder()
    in_scale, out_scale = draw_scale(rng, -2.5, -1.0), draw_scale(rng, -3.0, -1.5)
    zero_point = draw_zero_point(rng)
    shape = (steps, 1) if time_major else (1, steps)
    source = builder.activation((*shape, inputs), in_scale, draw_zero_point(rng))
    output = builder.activation((*shape, cells), out_scale, zero_point)
    hidden = builder.state(cells, out_scale, zero_point)
    cell = builder.state(cells, 2.0 ** -draw(st.integers(9, 15)), 0, np.int16)
    scales = [10.0 ** rng.uniform(-3.5, -1.5) for _ in range(2 * _GATES)]
    sizes = [inputs] * _GATES + [cells] * _GATES
    weights = [
        builder.constant(rng.integers(-127, 128, (cells, size)).astype(np.int8), scale)
        for size, scale in zip(sizes, scales, strict=True)
    ]
    biases = [
        builder.constant(rng.integers(-9000, 9000, cells).astype(np.int32), np.float32(in_scale) * np.float32(scale))
        for scale in scales[:_GATES]
    ]
    taken = [source, *weights, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1]
    if is_coupled:
        for position in (1, 5, 12):
            taken[position] = -1
    clip = draw(st.sampled_from([0.0, 10.0, 0.05]))
    builder.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        taken,
        output,
        "UnidirectionalSequenceLSTMOptions",
        fusedActivationFunction=_TANH,
        cellClip=clip,
        projClip=0.0,
        timeMajor=time_major,
    )
    inner = [builder.real((0,)) for _ in range(4)]
    builder.graph.operators[-1].intermediates = [*inner, builder.activation((0,), out_scale, zero_point)]
    what = f"LSTM {steps} x {inputs} to {cells} coupled {is_coupled} time major {time_major} clip {clip}"
    return finish(builder, source, output, steps * inputs, rng, what)
