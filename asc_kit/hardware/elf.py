"""Linked images and object files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asc_kit.errors import ToolError


@contextmanager
def open_elf(path: Path) -> Iterator[Any]:
    """Open an ELF file as an ``ELFFile`` of pyelftools.

    Raises
    ------
    ToolError
        When the file is damaged, as far as the block reads it.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as stream:
        try:
            yield ELFFile(stream)
        except ELFError as failure:
            raise ToolError(f"{path} is not an ELF file this kit can read: {failure}") from failure
