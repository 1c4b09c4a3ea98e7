"""CP-Mobile against an independent implementation of the published geometry, with the same weights.

How it is checked: the Keras network gets random weights, scales and shifts, and the running statistics of a batch of
noise, so that activations neither vanish nor explode. The reference (tests/support/published_cp_mobile.py: NumPy,
float64, symmetric padding, divisor 9) gets the same weights with every 3x3 kernel mirrored along mel, and the features
mirrored along mel. Both then have to give the same logits for features of noise at full size, 256 x 65.
"""

from typing import Any

import keras
import numpy as np
import published_cp_mobile
import pytest

from asc_kit.train.models import build_model
from asc_kit.train.recipe import load_recipe


def network(*overrides: str) -> Any:
    recipe = load_recipe("dcase2024_baseline", overrides)
    keras.utils.set_random_seed(3)
    model = build_model(recipe.model, recipe.model_settings, recipe.frontend, 10)
    rng = np.random.default_rng(4)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.gamma.assign(rng.uniform(0.6, 1.4, layer.gamma.shape))
        layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
        layer.momentum = 0.0
    model(noise(5, 4), training=True)
    return model


def noise(seed: int, clips: int) -> np.ndarray:
    """Return features without any symmetry along mel: another level in each band."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(clips, 256, 65, 1)) + np.linspace(-2, 2, 256)[:, None, None]).astype(np.float32)


def weights_of(model: Any) -> dict[str, np.ndarray]:
    weights: dict[str, np.ndarray] = {}
    for layer in model.layers:
        name, _, kind = layer.name.rpartition("_")
        if kind == "conv":
            weights[f"{name}/kernel"] = np.asarray(layer.kernel, np.float64)[::-1]
        elif kind == "bn":
            gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in layer.weights)
            scale = gamma / np.sqrt(variance + 1e-5)
            weights[f"{name}/scale"], weights[f"{name}/shift"] = scale, beta - mean * scale
    return weights


def test_equals_the_published_geometry() -> None:
    model, clips = network(), noise(6, 3)
    weights = weights_of(model)
    expected = np.stack([published_cp_mobile.cp_mobile(clip[::-1].astype(np.float64), weights) for clip in clips])
    actual = np.asarray(model(clips, training=False))
    assert np.ptp(expected) > 0.5, "logits that say nothing would agree with anything"
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    assert np.abs(actual - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("overrides", "mirrored"), [(("count_padding=false",), True), ((), False)], ids=["other average", "not mirrored"]
)
def test_what_the_equality_rests_on(overrides: tuple[str, ...], mirrored: bool) -> None:
    model, clip = network(*overrides), noise(6, 1)
    features = clip[0, ::-1] if mirrored else clip[0]
    expected = published_cp_mobile.cp_mobile(features.astype(np.float64), weights_of(model))
    assert np.abs(np.asarray(model(clip, training=False))[0] - expected).max() > 1e-3
