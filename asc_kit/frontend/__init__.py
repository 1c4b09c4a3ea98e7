"""The log-mel front end: its specification, its tables and the NumPy reference of its arithmetic."""

from asc_kit.frontend.reference import log_mel, model_input
from asc_kit.frontend.spec import STD_FLOOR, FrontEndSpec
from asc_kit.frontend.tables import mel_filter_bank, window

__all__ = ["STD_FLOOR", "FrontEndSpec", "log_mel", "mel_filter_bank", "model_input", "window"]
