"""The log-mel front end: its specification, of clips and of streams, its tables and the NumPy reference."""

from asc_kit.frontend.listen import FrameRing, ListenSpec, stream_windows
from asc_kit.frontend.reference import log_mel, model_input
from asc_kit.frontend.spec import STD_FLOOR, FrontEndSpec
from asc_kit.frontend.tables import mel_filter_bank, window

__all__ = [
    "STD_FLOOR",
    "FrameRing",
    "FrontEndSpec",
    "ListenSpec",
    "log_mel",
    "mel_filter_bank",
    "model_input",
    "stream_windows",
    "window",
]
