"""Random variation of training data: small stateless functions on a batch, each with its own seed.

Each function takes a batch and a seed, int64 [2], and draws separately for every clip; the same seed gives the same
numbers on the same machine. `Augmenter` combines the functions that a recipe asks for.
"""

from .augmenter import Augmenter
from .features import freq_mixstyle, frequency_mask, time_mask
from .impulse_responses import load_impulse_responses, synthetic_impulse_responses
from .log_mel import device_correction, device_responses, mixup
from .waveform import device_impulse_response, random_gain, time_roll

__all__ = [
    "Augmenter",
    "device_correction",
    "device_impulse_response",
    "device_responses",
    "freq_mixstyle",
    "frequency_mask",
    "load_impulse_responses",
    "mixup",
    "random_gain",
    "synthetic_impulse_responses",
    "time_mask",
    "time_roll",
]
