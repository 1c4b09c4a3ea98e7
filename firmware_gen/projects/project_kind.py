"""A kind of project, and the engines from which a kind makes its files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asc_kit.hardware.board import Arithmetic

from ..read.model import ModelInfo
from ..write.prefix import Naming
from ..write.sources import Files

_LONGEST_NAME = 32
_NAME_START = "asc_"
# words that the manager of one of the build systems refuses in a library's name
_REFUSED = re.compile("arduino|library")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Engine:
    """A network that becomes part of a project."""

    info: ModelInfo
    """Facts of the model."""
    files: Files
    """The engine by file name, for one flat folder: the preprocessor decides between cores."""
    plain_files: Files
    """The engine that every core can run, by file name."""
    condition: str | None
    """Preprocessor condition under which the faster engine is compiled; None where there is only the plain one."""
    kernels: str
    """Name of the kernel set of the faster engine, or of the only one."""
    example: str
    """A program that uses it alone."""
    server_macros: tuple[str, ...]
    """What the protocol server is told of the network, as lines of C."""
    core_name: str
    """Name of the core that it was made for: ``cortex-m4f``."""
    core_title: str
    """The same for people: ``Cortex-M4F``."""
    compiler: str
    """The core's C compiler."""
    compiler_prefix: str
    """Prefix of the names of the core's tools; empty for this machine's."""
    core_flags: tuple[str, ...]
    """Flags of the compiler for the core."""
    naming: Naming | None = None
    """Names of its own; None for those with ``asc``, which all networks without them have."""

    @property
    def name(self) -> str:
        """Name of the library: a C identifier of at most 32 characters."""
        if self.naming is not None:
            return self.naming.prefix
        words = re.sub(r"[^a-z0-9]+", "_", _REFUSED.sub("", self.info.name.lower())).strip("_")
        start = "" if words.startswith(_NAME_START) else _NAME_START
        return f"{start}{words or 'model'}"[:_LONGEST_NAME].rstrip("_")

    @property
    def example_function(self) -> str:
        """The example as a function ``classify`` that returns the class, for programs whose ``main`` is another's."""
        main = "int main(void) {"
        if main not in self.example:
            raise ValueError("the example has no main")
        return self.example.replace(main, "static int classify(void) {")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProjectKind:
    """A kind of project."""

    title: str
    """What it is, for people."""
    engine_folder: str
    """Where the engine's files go; empty for the project's own folder."""
    engine_files: Callable[[Engine], Files] = lambda engine: engine.files
    """The engine in the form that the kind wants it."""
    frontend: Arithmetic | None = None
    """Arithmetic of the front end; None for the core's best."""
    values: Callable[[Engine], dict[str, Any]] = lambda engine: {}
    """Values that its templates have beside those of all kinds."""
