"""C text: literals, comments and strings that are safe whatever a model's names hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.text import in_c_comment

_WIDTH = 118


def c_comment(text: str) -> str:
    """Return text that may stand in a C comment: printable ASCII that neither ends it nor begins another."""
    return in_c_comment("".join(character if " " <= character <= "~" else "." for character in text))


def c_string(text: str) -> str:
    """Return a string literal; what is not printable ASCII becomes octal escapes of its UTF-8 bytes."""
    parts = []
    for byte in text.encode():
        character = chr(byte)
        safe = " " <= character <= "~" and character not in '"\\?'
        parts.append(character if safe else f"\\{byte:03o}")
    return '"' + "".join(parts) + '"'


def c_float(value: float) -> str:
    """Return a float literal that reads back as the same float32."""
    text = f"{float(np.float32(value)):.9g}"
    return (text if any(mark in text for mark in ".en") else f"{text}.0") + "f"


def c_elements(values: NDArray[Any]) -> str:
    """Return the elements of an array initializer, wrapped."""
    flat = values.reshape(-1)
    texts = [c_float(value) for value in flat] if flat.dtype.kind == "f" else [str(int(value)) for value in flat]
    lines: list[str] = []
    line = "   "
    for text in texts:
        if len(line) + len(text) + 2 > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {text},"
    lines.append(line)
    return "\n".join(lines)
