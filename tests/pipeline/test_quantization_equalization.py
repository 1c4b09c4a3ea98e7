"""Equalization: what it must leave alone."""

import numpy as np
import pytest
from float_models import FloatBuilder

from asc_kit.export.network.graph import Network
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.calibration import observe
from asc_kit.export.quantization.equalization import equalize

CONV = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}


def with_a_silent_channel(reader: str) -> Network:
    """Channels loud, quiet, and silent below an input of 6; and a layer that reads them."""
    rng = np.random.default_rng(0)
    builder = FloatBuilder()
    source = builder.tensor((1, 4, 4, 3), "input")
    weights = np.diag([1.0, 0.05, 1.0]).reshape(3, 1, 1, 3)
    inputs = [source, builder.values(weights), builder.values([0.0, 0.0, -6.0])]
    options = {**CONV, "fusedActivationFunction": 1}
    hidden = builder.one("CONV_2D", inputs, (1, 4, 4, 3), "Conv2DOptions", **options)
    if reader == "CONV_2D":
        inputs = [hidden, builder.values(rng.normal(size=(3, 1, 1, 3))), builder.values(np.zeros(3))]
        return read_network(builder.finish(source, builder.one(reader, inputs, (1, 4, 4, 3), "Conv2DOptions", **CONV)))
    inputs = [hidden, builder.values(rng.normal(size=(1, 3, 3, 3))), builder.values(np.zeros(3))]
    options = {**CONV, "depthMultiplier": 1}
    return read_network(
        builder.finish(source, builder.one(reader, inputs, (1, 4, 4, 3), "DepthwiseConv2DOptions", **options))
    )


@pytest.mark.parametrize("reader", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_a_channel_that_no_representative_clip_wakes_keeps_its_room(reader: str) -> None:
    """It was blown up a hundredfold, so that the first clip to wake it was clipped to next to nothing."""
    network = with_a_silent_channel(reader)
    quiet = np.random.default_rng(0).normal(size=(20, 4, 4, 3)).clip(-3, 3).astype(np.float32)
    first, second = network.weighted
    after = equalize(network, observe(network, quiet))
    for layer, axis in ((first, 0), (second, 3)):
        was, now = (np.moveaxis(one.constant(layer.weights), axis, 0) for one in (network, after))
        assert np.array_equal(was[2], now[2])
        assert not np.array_equal(was[1], now[1])
    assert np.array_equal(network.constant(first.bias)[2], after.constant(first.bias)[2])
