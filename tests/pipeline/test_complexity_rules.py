"""Complexity of recipes: published figures by every rule, and the same network counted in Keras and in TFLite."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from click.testing import CliRunner

from asc_kit.challenge_rules import check_rules
from asc_kit.cli import cli
from asc_kit.errors import MismatchError
from asc_kit.train.complexity.counting import Complexity, complexity_of
from asc_kit.train.complexity.flatbuffer import flatbuffer_complexity
from asc_kit.train.models import build_model
from asc_kit.train.network import inference_model, write_saved_model
from asc_kit.train.recipe import load_recipe

# sums, pools and means, layers used twice, dense layers, plus-shaped convolutions; DSMN's second head is not deployed
SMALL = {
    "dcase2024_baseline": ("n_mels=32", "base_channels=8"),
    "dcase2021_resnet11_cbam": ("n_mels=32", "input_channels=16", "channels=[16, 16, 16, 32, 64]"),
    "dcase2022_baseline": ("channels=[4, 4, 8]",),
    "dsmn_model1": (
        "n_mels=64",
        "stem_channels=4",
        "channels=[4, 4, 4, 4, 4]",
        "dense_units=8",
        "coarse_outputs=0",
    ),
}


@cache
def keras_network(name: str, overrides: tuple[str, ...]) -> tuple[Any, Any]:
    recipe = load_recipe(name, overrides)
    return recipe, build_model(recipe.model, recipe.model_settings, recipe.frontend, 10)


def counted(name: str, overrides: tuple[str, ...] = ()) -> Complexity:
    recipe, model = keras_network(name, overrides)
    return complexity_of(model, recipe.frontend.clip_seconds)


@cache
def saved(name: str) -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    recipe, model = keras_network(name, SMALL[name])
    write_saved_model(inference_model(model), recipe.frontend, Path(folder.name) / "network")
    return folder


def converted(name: str, **settings: Any) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(f"{saved(name).name}/network", signature_keys=["serve"])
    if settings:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = settings["types"]
    return bytes(converter.convert())


def test_running_statistics_of_2021() -> None:
    network = counted("dcase2021_baseline")
    assert (network.parameters, network.running_statistics) == (46_118, 128)
    counts = network.counts(trained=False)
    assert counts.nonzero_parameters == 46_246
    # means begin at zero, variances at one
    assert network.nonzero_running_statistics == 64
    (limit,) = [one for one in check_rules(counts)[0].limits if one.precision == "float16"]
    assert limit.value == 92_492


@pytest.mark.parametrize("name", SMALL)
def test_keras_and_tflite_take_the_same_by_the_tool_of_2022(name: str) -> None:
    flatbuffer = flatbuffer_complexity(converted(name), 1.0)
    network = counted(name, SMALL[name])
    assert flatbuffer.counts.macs_2022 == network.macs_2022 > 10_000
    assert flatbuffer.counts.storage[0].precision == "float32"


def test_constants_that_are_dequantized_count_as_stored() -> None:
    name = "dcase2022_baseline"
    ways: tuple[dict[str, Any], ...] = ({}, {"types": [tf.float16]}, {"types": []})
    full, half, weights = (flatbuffer_complexity(converted(name, **way), None).counts for way in ways)
    for other in (half, weights):
        assert (other.parameters, other.macs, other.macs_2022) == (full.parameters, full.macs, full.macs_2022)
    assert [counts.storage[0].precision for counts in (full, half, weights)] == ["float32", "float16", "mixed"]
    assert full.storage[0].parameter_bytes == 4 * full.parameters
    assert half.storage[0].parameter_bytes == 2 * full.parameters
    # the converter leaves small weights and all biases as they are
    assert full.parameters < weights.storage[0].parameter_bytes < 3 * full.parameters


def command(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["complexity", *arguments])


def test_the_baseline_of_2024_on_the_command_line() -> None:
    result = command("dcase2024_baseline", "--enforce=2022", "--enforce=2024")
    assert isinstance(result.exception, MismatchError)
    assert "2024: parameter bytes at float32: 244,592, 116,592 (91.1 %) above the limit of 128,000" in str(
        result.exception
    )
    assert "--precision float16" in str(result.exception.hint)
    assert "2022" not in str(result.exception)
    held = command("dcase2024_baseline", "--precision=float16", *(f"--enforce={year}" for year in range(2021, 2026)))
    assert held.exit_code == 0, held.output
    assert "deployed: no int8 model yet: export it first" in held.stdout
    assert max(len(line) for line in held.stdout.splitlines()) <= 100


def test_json_of_a_recipe() -> None:
    document = json.loads(command("cp_mobile_micro", "--labels=4", "--json").stdout)
    assert (document["kind"], document["counts"]["trained"], document["deployed"]) == ("recipe", False, None)
    counts = document["counts"]
    assert [storage["parameter_bytes"] for storage in counts["storage"]] == [
        width * counts["parameters"] for width in (4, 2, 1)
    ]
    assert sum(layer["macs"] for layer in document["layers"]) == counts["macs"]
    assert sum(layer["parameters"] for layer in document["layers"]) == counts["parameters"]
    assert document["layers"][0]["output_shape"] == [32, 16, 6]
