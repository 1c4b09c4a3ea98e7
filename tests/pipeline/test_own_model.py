"""A network of one's own, with a layer of its own, from a recipe outside the package to a bundle."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import keras
import pytest
from click.testing import CliRunner
from tone_data import RECIPE, write_tone_data

from asc_kit.cli import cli
from asc_kit.errors import ModelError, SpecError
from asc_kit.run import Run

MODEL = '''
"""A convolution, and a layer that the kit does not know."""
import os
from dataclasses import dataclass

import keras
from keras import layers

with open(os.environ["RAN"], "a") as stream:
    stream.write(__file__ + "\\n")


@dataclass(frozen=True)
class Settings:
    channels: int = 4


@keras.saving.register_keras_serializable("mine")
class Double(layers.Layer):
    def call(self, inputs):
        return inputs + inputs


def build(settings, input_shape, n_labels):
    features = keras.Input(input_shape)
    x = layers.Conv2D(settings.channels, 3, strides=2, activation="relu")(features)
    x = layers.GlobalAveragePooling2D()(Double()(x))
    return keras.Model(features, layers.Dense(n_labels)(x))
'''


def asc_kit(*words: object) -> str:
    result = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_from_a_recipe_of_ones_own_to_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, own, run, ran = write_tone_data(tmp_path / "data"), tmp_path / "own", tmp_path / "run", tmp_path / "ran.txt"
    monkeypatch.setenv("RAN", str(ran))
    own.mkdir()
    write_own_recipe(own, MODEL, "channels = 6")

    for _ in range(2):  # the second replaces the first: all of its files are the kit's
        asc_kit("train", own / "tiny.toml", "--data", data, "--out", run, "--epochs", 1)
    assert (run / "net.py").read_text() == MODEL
    assert Run.open(run).manifest.recipe["model"] == "net.py"
    assert set(ran.read_text().split()) == {str(own / "net.py")}

    # a run may be anybody's: nothing that reads one runs its file; as in a process that did not train it
    ran.unlink()
    keras.saving.get_custom_objects().pop("mine>Double")
    for name in [name for name in sys.modules if name.startswith("asc_kit_model_")]:
        sys.modules.pop(name)
    asc_kit("evaluate", run, "--data", data)
    asc_kit("export", run, "--out", tmp_path / "bundle", "--representative", 30, "--board", "host")
    with pytest.raises(ModelError, match="Double") as caught:
        asc_kit("complexity", run)
    assert f"{run / 'net.py'}, which is not run unasked" in str(caught.value.hint)
    assert "--trust-code" in str(caught.value.hint)
    with pytest.raises(ModelError, match="Double"):
        asc_kit("train", "cp_mobile_micro", "--data", data, "--out", tmp_path / "warm", "--warm-start", run,
                "--set", "sample_rate_hz=8000", "--set", "f_max_hz=4000", "--set", "f_min_hz=0")  # fmt: skip
    assert not ran.exists()

    assert '"kind": "run"' in asc_kit("complexity", run, "--trust-code", "--json")
    assert ran.read_text().split() == [str(run / "net.py")]


def write_own_recipe(folder: Path, model: str, settings: str) -> Path:
    """Write the tests' recipe with a model's file beside it."""
    head, _, rest = RECIPE.partition("[model_settings]")
    head = head.replace('"cp_mobile"', '"net.py"')
    path = folder / "tiny.toml"
    path.write_text(f"{head}[model_settings]\n{settings}\n\n{rest[rest.index('[frontend]') :]}")
    (folder / "net.py").write_text(model)
    return path


def test_a_network_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAN", str(tmp_path / "ran.txt"))
    recipe = write_own_recipe(tmp_path, MODEL.replace("Dense(n_labels)", "Dense(2)"), "channels = 6")
    with pytest.raises(SpecError, match=r"gives \(None, 10\)\. Received: one that takes .* and gives \[\(None, 2\)\]"):
        asc_kit("complexity", recipe)


def test_the_network_of_the_document_is_one(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    (model,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    counted = json.loads(
        asc_kit("complexity", write_own_recipe(tmp_path, model, "channels = 6"), "--labels", 3, "--json")
    )
    # 3 x 3 weights and a bias of 6 channels, then 6 inputs and a bias of 3 classes
    assert counted["counts"]["parameters"] == 6 * (9 + 1) + 3 * (6 + 1)
