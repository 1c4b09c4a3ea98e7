"""Biases against the mean error of rounding: whom it listens to."""

import numpy as np
import pytest
from float_models import FloatBuilder

from asc_kit.export.network.execution import run
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.bias_correction import with_corrected_biases
from asc_kit.export.quantization.calibration import observe
from asc_kit.export.quantization.scheme import scheme_of
from asc_kit.export.quantization.simulation import fake_quantizer, with_rounded_weights


@pytest.mark.parametrize("n_classes", [2, 5, 10])
@pytest.mark.parametrize("n_clips", [100, 640])
def test_every_class_is_heard(n_classes: int, n_clips: int) -> None:
    """Clips take turns by class. Those picked must find the mean error of all."""
    rng = np.random.default_rng(0)
    builder = FloatBuilder()
    source = builder.tensor((1, 40), "input")
    inputs = [source, builder.values(rng.normal(size=(64, 40))), builder.values(np.zeros(64, np.float32))]
    output = builder.one("FULLY_CONNECTED", inputs, (1, 64), "FullyConnectedOptions")
    network = read_network(builder.finish(source, output))
    # a class has inputs of its own, so that it meets rounding errors of its own
    own = np.arange(40) % n_classes == np.arange(n_classes)[:, np.newaxis]
    means = rng.uniform(5, 10, (n_classes, 40)) * own
    features = (means[np.arange(n_clips) % n_classes] + 0.2 * rng.normal(size=(n_clips, 40))).astype(np.float32)
    scheme = scheme_of(network, {index: (one.low, one.high) for index, one in observe(network, features).items()})

    fake = fake_quantizer(network, scheme, keep=frozenset({network.output}))
    rounded = run(with_rounded_weights(network, scheme), features, observe=fake)
    wanted = (run(network, features) - rounded).mean(axis=0)
    found = with_corrected_biases(network, scheme, features).constant(network.weighted[0].bias)
    # 64 clips hold 10 classes 6 or 7 times each; a choice that misses half of them is off by 1
    assert np.linalg.norm(found - wanted) < 0.5 * np.linalg.norm(wanted)
