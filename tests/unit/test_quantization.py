"""Int8 tensors at the edge of a model, and the settings of a quantization."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc_kit.errors import SpecError
from asc_kit.quantization import QuantizationSettings, TensorInfo, describe
from asc_kit.records.record import parse_record


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


def test_settings_in_words() -> None:
    plain = QuantizationSettings()
    assert describe(plain) == "PTQ, min-max"
    assert describe(replace(plain, percentile=99.9)) == "PTQ, min-max"  # of no effect
    every = replace(plain, method="qat", calibration="percentile", equalization=True, bias_correction=True)
    assert describe(every) == "QAT, percentile 99.99, equalized, biases corrected"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", "int4"),
        ("calibration", "entropy"),
        ("percentile", 50.0),
        ("percentile", 100.1),
        ("percentile", float("nan")),
        ("representative_clips", -1),
        ("qat_epochs", 0),
        ("qat_batch_size", 0),
        ("qat_learning_rate", 0.0),
        ("qat_learning_rate", float("inf")),
        ("qat_teacher_weight", 1.1),
        ("qat_temperature", 0.0),
        ("qat_windows", 0),
        ("bits", 4),
    ],
)
def test_settings_out_of_range_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"settings is not a valid QuantizationSettings: {key}"):
        parse_record(QuantizationSettings, asdict(QuantizationSettings()) | {key: value}, where="settings")
