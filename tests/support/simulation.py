"""The simulation of a network from its float form to its outputs, as tests ask for it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from asc_kit.export.network.affine import Affine
from asc_kit.export.network.execution import run
from asc_kit.export.network.graph import Network
from asc_kit.export.quantization.simulation import fake_quantizer, with_rounded_weights


def simulate(network: Network, scheme: Mapping[int, Affine], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs of the fake-quantized network: float32 [n, *inner] in, [n, *inner] out."""
    return run(with_rounded_weights(network, scheme), features, observe=fake_quantizer(network, scheme))
