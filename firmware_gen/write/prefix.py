"""A prefix for the names of one network, so that several live in one image.

What is generated for a network is renamed: ``asc_run`` becomes ``kws_run``, ``ASC_ARENA_BYTES`` ``KWS_ARENA_BYTES``,
``asc_model.h`` ``kws_model.h``. Kernels and front end are the same for all networks and keep their names; their
functions become weak, so that a linker that meets a second copy keeps one and drops the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .emit import GENERATED_FILES

Files = dict[str, bytes]

_NAME = r"\b(?:asc|ASC)_\w+"
# what is no name: comments and strings, but for those that include a file
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NAME_OR_STRING = re.compile(rf'^[ \t]*#include "[^"]*"|"(?:\\.|[^"\\\n])*"|{_NAME}', re.MULTILINE)
_FUNCTION = re.compile(r"^(?!static\b|typedef\b|extern\b|#)[\w][\w *]*?\b(asc_\w+)\([^;{]*\) \{", re.MULTILINE)
_C_SUFFIXES = (".c", ".h", ".S", ".ino")


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The names of one network, and their replacements."""

    prefix: str
    """What ``asc`` becomes."""
    names: frozenset[str]
    """The names that are the network's own, with ``asc``."""
    shared: frozenset[str]
    """Names of the files that are the same for all networks."""

    def rename_text(self, text: str) -> str:
        """Return text with all names of the network renamed, wherever they are."""
        return re.sub(_NAME, lambda match: self._renamed(match[0]), text)

    def rename_code(self, text: str) -> str:
        """Return C with all names of the network renamed, but not in strings: labels stay."""

        def replace(match: re.Match[str]) -> str:
            if match[0].startswith('"'):
                return match[0]
            return self.rename_text(match[0])

        return _NAME_OR_STRING.sub(replace, text)

    def rename_files(self, files: Files) -> Files:
        """Return files with the network's names in paths and contents; files of all networks stay as they are."""
        renamed: Files = {}
        for path, data in files.items():
            folder, _, name = path.rpartition("/")
            if name not in self.shared:
                rename = self.rename_code if Path(name).suffix in _C_SUFFIXES else self.rename_text
                data = rename(data.decode()).encode()
                name = self.rename_text(name)
            renamed[f"{folder}/{name}" if folder else name] = data
        return renamed

    def _renamed(self, name: str) -> str:
        if name not in self.names:
            return name
        start, rest = name.split("_", 1)
        return f"{self.prefix.upper() if start == 'ASC' else self.prefix}_{rest}"


def find_names(engines: Iterable[Files], prefix: str) -> Naming:
    """Return a network's own names: names in generated files that no other file of its engines has."""
    own: set[str] = set()
    shared: set[str] = set()
    shared_files: set[str] = set()
    for files in engines:
        for path, data in files.items():
            name = Path(path).name
            names = set(re.findall(_NAME, _COMMENT.sub("", data.decode())))
            if name in GENERATED_FILES:
                own |= {*names, Path(name).stem}
            else:
                shared |= {*names, Path(name).stem}
                shared_files.add(name)
    return Naming(prefix=prefix, names=frozenset(own - shared), shared=frozenset(shared_files))


def weaken(name: str, text: str) -> str:
    """Return a kernel's file whose functions give way to another copy's."""
    if name.endswith(".c"):
        functions = sorted(set(_FUNCTION.findall(text)))
        return "".join(f"#pragma weak {function}\n" for function in functions) + text
    # assembler: the files, and the macros with which they begin functions
    return re.sub(r"^(\s*)\.global\b", r"\1.weak", text, flags=re.MULTILINE)
