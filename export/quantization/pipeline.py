"""All of quantization in order: from a float network and real clips to a scheme, corrected weights and a flatbuffer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.dataset import Task
from asc_kit.quantization import QuantizationSettings

from ..network.affine import Affine
from ..network.graph import Network
from .bias_correction import with_corrected_biases
from .calibration import observe, range_of
from .equalization import equalize
from .fine_tuning import TrainingWindows, fine_tune
from .scheme import scheme_of
from .writing import int8_flatbuffer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantized:
    """A network that is ready for int8."""

    network: Network
    """The network; its constants are still real numbers, which int8 rounds."""
    scheme: dict[int, Affine]
    """Scale and zero point of every activation."""

    def flatbuffer(self) -> bytes:
        """Return the int8 flatbuffer."""
        return int8_flatbuffer(self.network, self.scheme)


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """The needs of fine-tuning beside the settings."""

    windows: Callable[[Affine], TrainingWindows]
    """Returns the training data, quantized like the network's input."""
    task: Task
    """Whether each window has exactly one class."""
    seed: int
    """Seed of the order of the windows."""


def quantize(
    network: Network, features: NDArray[np.float32], settings: QuantizationSettings, fine_tuning: FineTuning
) -> Quantized:
    """Quantize a network as the settings say: equalize, calibrate, correct biases, fine-tune.

    Parameters
    ----------
    network
        The float network.
    features
        Inputs from representative clips, float32 [n, *inner].
    settings
        The settings.
    fine_tuning
        Data for fine-tuning; used only if the settings ask for it.

    Raises
    ------
    ModelError
        When an operator cannot be quantized, values are not finite, or fine-tuning diverges.
    """
    histograms = settings.calibration != "min_max"
    seen = observe(network, features, histograms=histograms)
    if settings.equalization:
        network = equalize(network, seen)
        seen = observe(network, features, histograms=histograms)
    ranges = {index: range_of(observed, settings) for index, observed in seen.items()}
    scheme = scheme_of(network, ranges)
    if settings.bias_correction:
        network = with_corrected_biases(network, scheme, features)
    if settings.method == "qat":
        network, scheme = fine_tune(
            network,
            ranges,
            fine_tuning.windows(scheme[network.input]),
            fine_tuning.task,
            settings,
            fine_tuning.seed,
        )
    return Quantized(network=network, scheme=scheme)
