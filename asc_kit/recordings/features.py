"""From a window of a recording to the network's input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asc_kit.frontend import FrontEndSpec, log_mel, model_input

from .audio import from_int16


def input_features(window: NDArray[np.int16], spec: FrontEndSpec) -> NDArray[np.float32]:
    """Compute the network's input for a window, by the NumPy reference.

    Parameters
    ----------
    window
        16-bit samples at the front end's rate, [clip_samples].
    spec
        The front end.

    Returns
    -------
    NDArray[np.float32]
        Shape `spec.input_shape`, whose first axis is 1.

    Raises
    ------
    DataError
        If the window has another length.
    """
    return model_input(log_mel(from_int16(window), spec), spec)
