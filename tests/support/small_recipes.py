"""Recipes' networks made small, as flatbuffers: float, and int8 by TensorFlow's own quantizer."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import keras
import numpy as np
import small_settings
import tensorflow as tf
from shared import made_once
from small_settings import SMALL_SETTINGS

from asc_kit.run import without_wildcards
from asc_kit.train.models import build_model
from asc_kit.train.network import inference_model, write_saved_model
from asc_kit.train.recipe import load_recipe

N_CLIPS = 24
# every operator that a recipe's int8 network has is in one of these
SMALL_RECIPES = ("cp_mobile_micro", "dcase2021_resnet11_cbam", "dcase2022_baseline", "dsmn_model1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmallNetwork:
    """A recipe's network, small and untrained."""

    clips: np.ndarray
    """Features that its statistics come from, float32 [N_CLIPS, *shape]."""
    float_flatbuffer: bytes
    """As TensorFlow's converter gives it without quantization."""
    converter_int8: bytes
    """As TensorFlow's converter gives it with `clips` for representative data."""


@cache
def small_network(name: str) -> SmallNetwork:
    """Build one of `SMALL_RECIPES`, with statistics as after training; once for all processes of a test run."""
    if small_settings.shared_folder is None:
        return _build(name)
    folder = made_once(small_settings.shared_folder, f"small_{name}", lambda folder: _write(_build(name), folder))
    return SmallNetwork(
        clips=np.load(folder / "clips.npy"),
        float_flatbuffer=(folder / "float.tflite").read_bytes(),
        converter_int8=(folder / "int8.tflite").read_bytes(),
    )


def _write(network: SmallNetwork, folder: Path) -> None:
    folder.mkdir()
    np.save(folder / "clips.npy", network.clips)
    (folder / "float.tflite").write_bytes(network.float_flatbuffer)
    (folder / "int8.tflite").write_bytes(network.converter_int8)


def _build(name: str) -> SmallNetwork:
    recipe = load_recipe(name, SMALL_SETTINGS[name])
    keras.utils.set_random_seed(1)
    model = build_model(recipe.model, recipe.model_settings, recipe.frontend, 5)
    rng = np.random.default_rng(2)
    shape = recipe.frontend.input_shape[1:]
    mel_axis = 0 if recipe.frontend.layout == "mel_time" else 1
    # every clip has another level in each band, so that the classes' scores differ from clip to clip
    levels = rng.normal(size=(N_CLIPS, *(n if axis == mel_axis else 1 for axis, n in enumerate(shape))))
    clips = (rng.normal(size=(N_CLIPS, *shape)) + 2 * levels).astype(np.float32)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            # factors and offsets of their own: half of those that training finds lie between 0.5 and 1.5
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0.0, 0.3, layer.beta.shape))
    model(clips, training=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network"
        write_saved_model(inference_model(model), recipe.frontend, path)
        with without_wildcards(path) as plain:
            return SmallNetwork(
                clips=clips, float_flatbuffer=_convert(plain, None), converter_int8=_convert(plain, clips)
            )


def _convert(saved_model: Path, clips: np.ndarray | None) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(os.fspath(saved_model), signature_keys=["serve"])
    if clips is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([clip[np.newaxis]] for clip in clips)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())
