"""Structs of the kernels' headers: their fields in order, as C++ wants initializers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRUCT = re.compile(r"typedef struct \{([^{}]*)\}\s*(\w+);")
_LAST_NAME = re.compile(r"(\w+)\s*((?:\[[^\]]*\])*)$")


def struct_fields(headers: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Return the structs that headers define by name, each as its fields in order with an initializer of zeros."""
    structs = {}
    for path in headers:
        for body, name in _STRUCT.findall(_COMMENT.sub("", path.read_text(encoding="utf-8"))):
            declarators = [part.strip() for line in body.split(";") for part in line.split(",")]
            matches = [match for part in declarators if (match := _LAST_NAME.search(part))]
            structs[name] = {match[1]: "{0}" if match[2] else "0" for match in matches}
    return structs
