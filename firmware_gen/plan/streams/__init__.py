"""Streams: parts of a network that are computed row by row, so that most tensors never exist as a whole."""

from __future__ import annotations

from .assembly import assemble
from .stream import LARGEST_COUNT, Buffer, RowStep, Stream

__all__ = ["LARGEST_COUNT", "Buffer", "RowStep", "Stream", "assemble"]
