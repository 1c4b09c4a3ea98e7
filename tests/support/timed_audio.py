"""Recorded audio as a faultless microphone would give it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from asc_kit.device_runner.listening.blocks import Batch, Block


def timed(parts: Iterable[NDArray[np.float32]], rate_hz: int) -> Iterator[Batch]:
    """Give recorded audio the arrival times of a faultless microphone.

    Parameters
    ----------
    parts
        Blocks of audio, shape [frames] or [frames, channels], full scale ±1.
    """
    frames = 0
    for part in parts:
        samples = part[:, None] if part.ndim == 1 else part
        frames += len(samples)
        arrival_s = frames / rate_hz
        yield Batch(blocks=(Block(samples=samples, arrival_s=arrival_s),), now_s=arrival_s)
