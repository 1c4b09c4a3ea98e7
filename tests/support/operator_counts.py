"""Counts of a flatbuffer's operators."""

from __future__ import annotations

from collections import Counter

from asc_kit.tflite.decoder import read_checked


def operator_counts(model: bytes) -> dict[str, int]:
    """Count the operators of a flatbuffer by their TFLite names."""
    return read_checked(model, lambda decoder: dict(sorted(Counter(decoder.ops()).items())))
