"""The networks: counts to the unit, and layers against arithmetic written out here."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from asc_kit.train.complexity.counting import Complexity, complexity_of
from asc_kit.train.models import build_model
from asc_kit.train.network import load_saved_model, write_saved_model
from asc_kit.train.recipe import load_recipe

# Layer table of the DCASE 2024 Task 1 baseline: name here, input (channels, mel, time), parameters, MACs.
BASELINE_TABLE = [
    ("in_c0", (1, 256, 65), 88, 304_144),
    ("in_c1", (8, 128, 33), 2_368, 2_506_816),
    ("b1_expand", (32, 64, 17), 2_176, 2_228_352),
    ("b1_depthwise", (64, 64, 17), 704, 626_816),
    ("b1_project", (64, 64, 17), 2_112, 2_228_288),
    ("b2_expand", (32, 64, 17), 2_176, 2_228_352),
    ("b2_depthwise", (64, 64, 17), 704, 626_816),
    ("b2_project", (64, 64, 17), 2_112, 2_228_288),
    ("b3_expand", (32, 64, 17), 2_176, 2_228_352),
    ("b3_depthwise", (64, 64, 17), 704, 331_904),
    ("b3_project", (64, 64, 9), 2_112, 1_179_712),
    ("b4_expand", (32, 64, 9), 2_176, 1_179_776),
    ("b4_depthwise", (64, 64, 9), 704, 166_016),
    ("b4_project", (64, 32, 9), 3_696, 1_032_304),
    ("b5_expand", (56, 32, 9), 6_960, 1_935_600),
    ("b5_depthwise", (120, 32, 9), 1_320, 311_280),
    ("b5_project", (120, 32, 9), 6_832, 1_935_472),
    ("b6_expand", (56, 32, 9), 6_960, 1_935_600),
    ("b6_depthwise", (120, 32, 9), 1_320, 311_280),
    ("b6_project", (120, 32, 9), 12_688, 3_594_448),
    ("classifier_conv", (104, 32, 9), 1_040, 299_520),
    ("classifier_bn", (10, 32, 9), 20, 20),
]


def complexity(name: str, n_labels: int = 10) -> Complexity:
    recipe = load_recipe(name)
    model = build_model(recipe.model, recipe.model_settings, recipe.frontend, n_labels)
    assert model.output_shape == (None, n_labels)
    return complexity_of(model, recipe.frontend.clip_seconds)


def test_baseline_counts_as_published() -> None:
    counted = complexity("dcase2024_baseline")
    assert (counted.parameters, counted.macs, counted.macs_per_second) == (61_148, 29_419_156, 29_419_156)


def test_baseline_equals_the_published_table_row_by_row() -> None:
    rows = []
    # sums and the mean have no parameters; the tool of 2022 counts them
    layers = iter([layer for layer in complexity("dcase2024_baseline").layers if layer.parameters])
    for layer in layers:
        parameters, macs, name = layer.parameters, layer.macs, layer.name
        if not name.startswith("classifier"):
            # the published rows have a convolution together with its batch normalization
            norm = next(layers)
            name = name.removesuffix("_conv")
            assert norm.name == f"{name}_bn"
            parameters, macs = parameters + norm.parameters, macs + norm.macs
        height, width, channels = layer.input_shape
        rows.append((name, (channels, height, width), parameters, macs))
    assert rows == BASELINE_TABLE


def test_micro_stays_within_its_budget() -> None:
    counted = complexity("cp_mobile_micro")
    assert counted.macs_per_second <= 5_000_000
    assert counted.parameters < 61_148


@pytest.mark.parametrize("n_mels", [30, 31])  # even and odd sides pad differently
def test_the_form_for_the_converter_computes_the_same(tmp_path: Path, n_mels: int) -> None:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    recipe = load_recipe("cp_mobile_micro", [f"n_mels={n_mels}", "base_channels=8"])
    model = build_model(recipe.model, recipe.model_settings, recipe.frontend, 5)
    write_saved_model(model, recipe.frontend, tmp_path / "network")
    flatbuffer = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "network"), signature_keys=["serve"]).convert()
    interpreter = Interpreter(
        model_content=flatbuffer, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
    )
    interpreter.allocate_tensors()
    x = np.random.default_rng(1).normal(size=recipe.frontend.input_shape).astype(np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    actual = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    expected = np.asarray(load_saved_model(tmp_path / "network")(x))
    assert actual.shape == (1, 5)
    assert np.ptp(expected) > 1e-4
    assert np.abs(actual - expected).max() < 1e-5 * max(1, np.abs(expected).max())


def test_a_layer_without_a_rule_is_not_counted_as_nothing() -> None:
    from asc_kit.errors import ModelError

    features = keras.Input((4, 3))
    model = keras.Model(features, keras.layers.LSTM(2, name="memory")(features))
    with pytest.raises(ModelError, match="memory"):
        complexity_of(model, 1.0)


def test_a_layer_used_twice_is_counted_twice_but_has_its_weights_once() -> None:
    features = keras.Input((6, 5, 3))
    shared = keras.layers.Conv2D(3, 1, name="shared")
    model = keras.Model(features, shared(keras.layers.AveragePooling2D(2)(shared(features))))
    counted = complexity_of(model, 1.0)
    uses = [(layer.parameters, layer.macs) for layer in counted.layers if layer.kind == "Conv2D"]
    assert uses == [(12, 12 * 30), (0, 12 * 6)]
    assert (counted.parameters, counted.macs) == (12, 12 * 36)


def test_a_use_outside_the_model_is_not_counted() -> None:
    features = keras.Input((6, 5, 3))
    shared = keras.layers.Conv2D(3, 1)
    model = keras.Model(features, shared(features))
    shared(model.output)
    assert complexity_of(model, 1.0).macs == 12 * 30


def test_groups_of_channels_count_what_they_multiply() -> None:
    features = keras.Input((6, 5, 8))
    model = keras.Model(features, keras.layers.Conv2D(4, 1, groups=4, use_bias=False)(features))
    assert complexity_of(model, 1.0).macs == 2 * 4 * 30


def test_parameters_that_are_zero_are_told_apart() -> None:
    features = keras.Input((6, 5, 3))
    layer = keras.layers.Conv2D(2, 1, kernel_initializer="ones")
    model = keras.Model(features, layer(features))
    layer.kernel.assign(np.reshape([1.0, 0.0, -0.0, 1e-30, 2.0, 3.0], (1, 1, 3, 2)))
    counted = complexity_of(model, 1.0)
    assert (counted.parameters, counted.nonzero_parameters) == (8, 4)
