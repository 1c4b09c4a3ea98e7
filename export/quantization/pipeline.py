"""All of quantization in order: from a float network and real clips to a scheme, corrected weights and a flatbuffer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.quantization import QuantizationSettings

from ..network.graph import Network
from .calibration import calibrated
from .scheme import Affine, scheme_of
from .writing import int8_flatbuffer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantized:
    """A network that is ready for int8."""

    network: Network
    """Its constants are real numbers still, those that int8 rounds."""
    scheme: dict[int, Affine]
    """Scale and zero point of every activation."""

    def flatbuffer(self) -> bytes:
        """Return the int8 flatbuffer."""
        return int8_flatbuffer(self.network, self.scheme)


def quantized(network: Network, features: NDArray[np.float32], settings: QuantizationSettings) -> Quantized:
    """Quantize after training.

    Parameters
    ----------
    network
        The float network.
    features
        Inputs from representative clips, float32 [n, *inner].
    settings
        How.
    """
    scheme = scheme_of(network, calibrated(network, features, settings))
    return Quantized(network=network, scheme=scheme)
