"""Every recipe's network as int8: which operators are left of it, and that it still says what the float one says.

Networks whose operators do not depend on their size are made small here, so that the converter takes a second or two.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from operator_counts import operator_counts
from small_settings import SMALL_SETTINGS

from asc_kit.export.conversion import float_flatbuffer
from asc_kit.export.graph_check import check_integer
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.calibration import observe, range_of
from asc_kit.export.quantization.scheme import scheme_of
from asc_kit.export.quantization.writing import int8_flatbuffer
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import QuantizationSettings
from asc_kit.train.models import build_model
from asc_kit.train.network import inference_model, load_saved_model, write_saved_model
from asc_kit.train.recipe import load_recipe, recipe_names

RESNET11 = {"ADD": 5, "CONV_2D": 14, "MAX_POOL_2D": 2, "MEAN": 1}
CNN_BASELINE = {"CONV_2D": 3, "FULLY_CONNECTED": 2, "MAX_POOL_2D": 2, "RESHAPE": 1}
CBAM = {
    "ADD": 10,
    "CONCATENATION": 5,
    "CONV_2D": 14 + 5 * 5,
    "LOGISTIC": 10,
    "MAX_POOL_2D": 2,
    "MEAN": 11,
    "MUL": 10,
    "REDUCE_MAX": 10,
    "RESHAPE": 5,
}
MICRO = {"ADD": 4, "AVERAGE_POOL_2D": 1, "CONV_2D": 12, "FULLY_CONNECTED": 1, "MAX_POOL_2D": 2, "RESHAPE": 1}
# per block: a plus-shaped convolution is one depthwise one, for pairs after a grouped 1x1 one; no batch normalization
# is left over, and no dilation has become SPACE_TO_BATCH_ND
DSMN = {
    "AVERAGE_POOL_2D": 5,
    "CONCATENATION": 1,
    "CONV_2D": 1 + 5 * 5,
    "DEPTHWISE_CONV_2D": 5 * 3,
    "FULLY_CONNECTED": 2,
    "LOGISTIC": 5,
    "MEAN": 9,
    "MUL": 5,
    "RESHAPE": 10,
}

OPERATORS: dict[str, dict[str, int]] = {
    "cp_mobile_micro": {"ADD": 4, "AVERAGE_POOL_2D": 1, "CONV_2D": 15, "DEPTHWISE_CONV_2D": 6, "MEAN": 1},
    # the average that counts padding is a depthwise convolution
    "dcase2024_baseline": {"ADD": 4, "CONV_2D": 15, "DEPTHWISE_CONV_2D": 7, "MEAN": 1},
    "dcase2019_task2": {"CONV_2D": 14, "DEPTHWISE_CONV_2D": 13, "FULLY_CONNECTED": 1, "MEAN": 1},
    "dcase2021_baseline": CNN_BASELINE,
    "dcase2022_baseline": CNN_BASELINE,
    "dcase2021_resnet11": RESNET11,
    "dcase2021_resnet11_se": {**RESNET11, "FULLY_CONNECTED": 10, "LOGISTIC": 5, "MEAN": 6, "MUL": 5},
    "dcase2021_resnet11_cbam": CBAM,
    "micro_1m": MICRO,
    "micro_5m": MICRO,
    "micro_10m": MICRO,
    "dsmn_model1": {**DSMN, "ADD": 10, "SPLIT": 5},
    "dsmn_model2": {**DSMN, "CONCATENATION": 6},
    "dsmn_model3": {**DSMN, "ADD": 2, "CONCATENATION": 5, "SPLIT": 1},
    "dsmn_model4": {**DSMN, "ADD": 10, "SPLIT": 5},
}
"""The operators that are left of each recipe's network."""


def network(name: str, overrides: tuple[str, ...]) -> tuple[Any, Any, np.ndarray]:
    """Return recipe, network with statistics as after training, and clips of features it has seen."""
    recipe = load_recipe(name, overrides)
    keras.utils.set_random_seed(1)
    model = build_model(recipe.model, recipe.model_settings, recipe.frontend, 5)
    rng = np.random.default_rng(2)
    # every clip has another level in each band, so that the classes' scores differ from clip to clip
    shape = recipe.frontend.input_shape[1:]
    mel_axis = 0 if recipe.frontend.layout == "mel_time" else 1
    levels = rng.normal(size=(8, *(n if axis == mel_axis else 1 for axis, n in enumerate(shape))))
    clips = (rng.normal(size=(8, *shape)) + 2 * levels).astype(np.float32)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(clips, training=True)
    return recipe, model, clips


def test_every_recipe_has_its_operators_here() -> None:
    assert set(OPERATORS) == set(SMALL_SETTINGS) == set(recipe_names())


@pytest.mark.parametrize("name", OPERATORS)
def test_int8_form(name: str, tmp_path: Path) -> None:
    operators = OPERATORS[name]
    recipe, model, clips = network(name, SMALL_SETTINGS[name])
    path = tmp_path / "network"
    write_saved_model(inference_model(model), recipe.frontend, path)
    float_model = float_flatbuffer(path)
    # so that an operator of TensorFlow's own never gets as far as the quantization
    assert operator_counts(float_model) == dict(sorted(operators.items()))
    read = read_network(float_model)
    ranges = {index: range_of(seen, QuantizationSettings()) for index, seen in observe(read, clips).items()}
    flatbuffer = int8_flatbuffer(read, scheme_of(read, ranges))
    check_integer(flatbuffer)
    assert operator_counts(flatbuffer) == dict(sorted(operators.items()))

    expected = np.asarray(load_saved_model(path)(clips))
    assert expected.shape == (8, 5)
    direct = np.asarray(inference_model(model)(clips, training=False))
    assert np.abs(expected - direct).max() < 1e-5 * max(1, np.abs(direct).max())
    int8 = Int8Model(flatbuffer)
    (scale, zero_point), (out_scale, out_zero_point) = (
        details["quantization"] for details in (int8.input_details, int8.output_details)
    )
    quantized = np.clip(np.round(clips / scale) + zero_point, -128, 127).astype(np.int8)
    outputs = np.concatenate([int8.run(clip[np.newaxis]) for clip in quantized])
    actual = (outputs.astype(np.float32) - out_zero_point) * out_scale
    error = np.sqrt(np.mean((actual - expected) ** 2))
    # untrained networks hardly tell clips apart: the deviation that is compared with is small, after the 27 layers of
    # MobileNet too small
    if recipe.model != "mobilenet":
        assert error < 0.4 * expected.std(0).mean()
