"""Shared by operators with windows."""

from __future__ import annotations

from typing import Any


def padding_of(options: Any) -> str:
    """Return the padding of a window as TensorFlow names it."""
    return "VALID" if options.Padding() else "SAME"
