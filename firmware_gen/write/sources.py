"""All files of a firmware folder, as bytes by name: the engine, the protocol server and the board's port."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from asc_kit.errors import BoardError
from asc_kit.hardware.board import Board
from asc_kit.hardware.places import boards_folder
from asc_kit.hardware.target import Target
from asc_kit.protocol import TimerUnit

from ..c_text import c_string
from ..frontend.tables import FrontEndTables
from ..kernel_sets import PORTABLE, load_kernel_set
from ..kernel_sets.kernel_set import SOURCE_SUFFIXES
from ..network.graph import Graph
from ..plan.plan import Plan
from ..read.model import ModelInfo
from .emit import emit_engine, emit_example
from .makefile import makefile
from .prefix import find_names, weaken
from .protocol_header import protocol_header

Files = dict[str, bytes]
"""Path within the firmware folder -> contents."""

LICENSE = "SPDX-License-Identifier: MIT"
COPYRIGHT = "Copyright (c) 2026 The asc-kit developers"
_GENERATED = f"{COPYRIGHT}; weights and labels are those of the model's owner"
_BUILD_HEADER = "app/asc_build.h"
_INCLUDE = re.compile(r'^#include "(\w+\.h)"', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All that a firmware folder has before anything is compiled, but plan and manifest."""

    files: Files
    """The files."""
    compiled: tuple[str, ...]
    """Names of those that are compiled, C and assembler, sorted."""
    firmware_id: str
    """Fingerprint of the image's sources."""


def collect_sources(
    plan: Plan, tables: FrontEndTables | None, info: ModelInfo, board: Board, *, listens: bool = False
) -> Sources:
    """Return the files of a firmware folder, with an example that is no part of the image.

    With `listens` the server takes streams, for which it has memory then.
    """
    files = engine_files(plan, tables, info) | app_files() | board_files(board)
    compiled = c_sources(files)
    files["Makefile"] = with_license("Makefile", makefile(board, compiled))
    server = {"": b"listens"} if listens else {}
    fingerprint = firmware_id(files | server, board.core.name, plan.kernels.name)
    header = build_header(board, info, plan.graph, fingerprint, listens=listens)
    files[_BUILD_HEADER] = with_license(_BUILD_HEADER, header)
    files["example/main.c"] = with_license("main.c", emit_example(plan, tables, info).encode(), _GENERATED)
    return Sources(files=files, compiled=compiled, firmware_id=fingerprint)


def collect_library(
    plan: Plan, tables: FrontEndTables | None, info: ModelInfo, target: Target, prefix: str | None = None
) -> Sources:
    """Return the files of a library: the engine, and an example that is compiled with it.

    Parameters
    ----------
    plan, tables, info
        The network.
    target
        What it is for.
    prefix
        What its own names begin with; None for ``asc``, as those of all other networks.
    """
    files = engine_files(plan, tables, info, weak=prefix is not None)
    example = {"example/main.c": with_license("main.c", emit_example(plan, tables, info).encode(), _GENERATED)}
    if prefix is not None:
        naming = find_names([files], prefix)
        files, example = naming.rename_files(files), naming.rename_files(example)
    compiled = c_sources(files)
    # a library has no Makefile, whose flags the fingerprint of firmware includes
    command = {"": target.compile_command.encode()}
    fingerprint = firmware_id(files | command, target.core.name, plan.kernels.name)
    return Sources(files=files | example, compiled=compiled, firmware_id=fingerprint)


def engine_files(plan: Plan, tables: FrontEndTables | None, info: ModelInfo, *, weak: bool = False) -> Files:
    """Return the drop-in library: generated files, the network's kernels, the front end, and the headers they include.

    With `weak`, kernels and front end may be in an image more than once: see `prefix.py`.
    """
    generated = {name: text.encode() for name, text in emit_engine(plan, tables, info).items()}
    rooms = [_package_folder("runtime") / name for name in ("frontend", "listening")]
    frontend = {path.name: path for room in rooms for path in room.iterdir()}
    runtime = {**frontend, **load_kernel_set(PORTABLE).sources, **plan.kernels.sources}
    copied: Files = {}
    waiting = [_source_of(step.call.kernel, runtime) for step in plan.steps]
    if tables is not None:
        waiting += tables.sources
    for data in generated.values():
        waiting += _INCLUDE.findall(data.decode())
    while waiting:
        name = waiting.pop()
        if name in copied or name in generated:
            continue
        data = runtime[name].read_bytes()
        # a header's functions are in the file of the same name, where there is one
        sources = [f"{Path(name).stem}{suffix}" for suffix in SOURCE_SUFFIXES]
        waiting += _INCLUDE.findall(data.decode())
        waiting += [source for source in sources if source in runtime]
        if weak:
            data = weaken(name, data.decode()).encode()
        if name.endswith(".S") and name in plan.kernels.sources and plan.kernels.requires:
            # an assembler has no other way to leave out what a core lacks, in builds that compile every file for it
            data = f"#if {plan.kernels.requires}\n".encode() + data + b"#endif\n"
        copied[name] = with_license(name, data)
    generated = {name: with_license(name, data, _GENERATED) for name, data in generated.items()}
    return {f"engine/{name}": data for name, data in sorted((copied | generated).items())}


def with_license(name: str, data: bytes, copyright_line: str = COPYRIGHT) -> bytes:
    """Return a file of the kit's with its licence as the first lines."""
    if name == "Makefile":
        return f"# {LICENSE}\n# {copyright_line}\n".encode() + data
    return f"/* {LICENSE}\n * {copyright_line} */\n".encode() + data


def _source_of(kernel: str, runtime: Container[str]) -> str:
    """Return the file of a kernel: C, or assembler."""
    return next(f"{kernel}{suffix}" for suffix in SOURCE_SUFFIXES if f"{kernel}{suffix}" in runtime)


def app_files() -> Files:
    """Return the protocol server, without asc_build.h."""
    app = _package_folder("app")
    files = {path.name: path.read_bytes() for path in sorted(app.glob("*.[ch]"))}
    files["asc_protocol.h"] = protocol_header().encode()
    return {f"app/{name}": with_license(name, data) for name, data in files.items()}


def board_files(board: Board) -> Files:
    """Return the board's port."""
    files = board.files
    missing = [name for name, path in files.items() if not path.is_file()]
    if missing:
        raise BoardError(f"board {board.name} lacks {', '.join(missing)}", hint=f"they belong into {board.folder}")
    kits = boards_folder().resolve()
    return {
        # a board of the user's has a licence of its own
        f"board/{name}": with_license(name, path.read_bytes())
        if path.resolve().is_relative_to(kits)
        else path.read_bytes()
        for name, path in files.items()
    }


def firmware_id(files: Files, core: str, kernels: str) -> str:
    """Return the fingerprint of firmware: 16 hexadecimal digits.

    Parameters
    ----------
    files
        All that the image is made of, by name: the sources, and the Makefile, which has the compiler and its flags.
    core, kernels
        Names of the core and of the kernel set.
    """
    digest = hashlib.sha256(f"{core}\0{kernels}\0".encode())
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]


def build_header(board: Board, info: ModelInfo, graph: Graph, fingerprint: str, *, listens: bool = False) -> bytes:
    """Return asc_build.h: the firmware's identity, its inputs and its outputs."""
    unit = TimerUnit[board.timer.upper()]
    lines = [
        "/* What this build is, for the server. Written by asc-kit; do not edit. */",
        "#ifndef ASC_BUILD_H",
        "#define ASC_BUILD_H",
        "",
        f"#define ASC_BOARD_NAME {c_string(board.name)}",
        f"#define ASC_TIMER_UNIT {unit.value} /* {board.timer} */",
        f"#define ASC_TIMER_HZ {board.clock_hz}u",
        f"#define ASC_SPEC_ID_BYTES {_bytes(info.spec_id)}",
        f"#define ASC_FIRMWARE_ID_BYTES {_bytes(fingerprint)}",
        f"#define ASC_MODEL_SHA256_BYTES {_bytes(info.model_sha256)}",
        *server_macros(graph),
        *(["#define ASC_SERVE_LISTENING 1 /* memory for streams */"] if listens else []),
        "",
        "#endif",
    ]
    return ("\n".join(lines) + "\n").encode()


def server_macros(graph: Graph) -> list[str]:
    """Return asc_build.h's facts of a network: inputs, outputs, and whether it has a state."""
    return [
        f"#define ASC_HAS_STATE {int(bool(graph.variables))}",
        *_end_table("INPUT", len(graph.inputs)),
        *_end_table("OUTPUT", len(graph.outputs)),
    ]


def _end_table(what: str, count: int) -> list[str]:
    """Return macros for the sizes of all inputs or outputs, and the functions that return where they lie."""
    numbers = ["", *(f"_{number}" for number in range(1, count))]
    sizes = ", ".join(f"ASC_{what}{number}_BYTES" for number in numbers)
    functions = ", ".join(f"asc_{what.lower()}{number}" for number in numbers)
    return [
        f"#define ASC_{what}_COUNT {count}u",
        f"#define ASC_{what}_SIZES {{{sizes}}}",
        f"#define ASC_{what}_FUNCTIONS {{{functions}}}",
    ]


def c_sources(files: Files) -> tuple[str, ...]:
    """Return the names of the C and assembler files, sorted."""
    return tuple(sorted(name for name in files if name.endswith(SOURCE_SUFFIXES)))


def _bytes(digits: str) -> str:
    return "{" + ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(digits)) + "}"


def _package_folder(name: str) -> Path:
    return Path(str(resources.files("asc_kit.firmware_gen"))) / name
