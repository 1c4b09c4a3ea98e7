"""What is varied in training: small stateless functions on a batch, each drawing from a seed of its own.

Each function takes a batch and a seed, int64 [2], and draws for every clip by itself; the same seed gives the same
numbers again on the same machine. `Augmenter` puts together those that a recipe asks for.
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
