import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asc_kit.quantization import TensorInfo


@given(st.floats(1e-4, 10), st.integers(-128, 127), st.integers(0, 2**32 - 1))
def test_what_int8_can_say_survives(scale: float, zero_point: int, seed: int) -> None:
    info = TensorInfo(shape=(1, 64), scale=scale, zero_point=zero_point)
    values = np.random.default_rng(seed).integers(-128, 128, (1, 64)).astype(np.int8)
    assert np.array_equal(info.quantize(info.dequantize(values)), values)


@given(st.floats(1e-3, 10), st.integers(-128, 127), st.floats(-2000, 2000))
def test_the_error_is_half_a_step_or_saturates(scale: float, zero_point: int, real: float) -> None:
    info = TensorInfo(shape=(1,), scale=scale, zero_point=zero_point)
    quantized = info.quantize(np.array([real], np.float32))
    back = float(info.dequantize(quantized)[0])
    lowest, highest = scale * (-128 - zero_point), scale * (127 - zero_point)
    nearest = min(max(real, lowest), highest)
    assert abs(back - nearest) <= scale * (0.5 + 1e-3) + abs(real) * 1e-6


def test_ties_go_to_even() -> None:
    info = TensorInfo(shape=(5,), scale=1.0, zero_point=0)
    real = np.array([0.5, 1.5, -0.5, -1.5, 1000.0], np.float32)
    assert info.quantize(real).tolist() == [0, 2, 0, -2, 127]
