"""The plugin: compiled on demand, and configured for a run."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from asc_kit.errors import ToolError
from asc_kit.hardware.board import Board, EmulatorSpec
from asc_kit.hardware.part import CacheSpec, PartSpec

from .image import Image

_SOURCE = "trace_plugin.c"
_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-std=gnu99", "-O2", "-fPIC", "-shared", "-fvisibility=hidden")
_FIRST_QEMU, _LAST_QEMU = 6, 8
"""Major versions whose interface the plugin speaks."""
_TIMEOUT_S = 60


def why_not(board: Board) -> str | None:
    """Return why the cycles of an emulated board cannot be estimated here; None if they can."""
    emulator = board.emulator
    if emulator is None or emulator.kind != "qemu":
        return f"board {board.name} is not emulated by QEMU"
    if _compiler() is None:
        return f"the plugin needs a C compiler of this machine: {', '.join(_COMPILERS)}"
    return _why_not_qemu(emulator.program)


@cache
def _why_not_qemu(program: str) -> str | None:
    try:
        # an unknown option ends it before it prints its version
        done = subprocess.run(
            [program, "-plugin", "file=none", "-version"], capture_output=True, text=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        return f"{program} does not run: {failure}"
    if done.returncode:
        complaint = done.stderr.strip().partition("\n")[0]
        return f"this {program} was built without plugins" + (f": {complaint}" if complaint else "")
    match = re.search(r"version (\d+)\.", done.stdout)
    if match is None or not _FIRST_QEMU <= int(match[1]) <= _LAST_QEMU:
        version = done.stdout.partition("\n")[0].strip()
        return f"the plugin speaks the interface of QEMU {_FIRST_QEMU} to {_LAST_QEMU}. Received: {version}"
    return None


def _compiler() -> str | None:
    return next((path for name in _COMPILERS if (path := shutil.which(name)) is not None), None)


def build_plugin(folder: Path | None = None) -> Path:
    """Compile the plugin, or return the plugin compiled before.

    Parameters
    ----------
    folder
        Folder of the plugin; the user's cache folder by default.

    Raises
    ------
    ToolError
        If there is no compiler, or if it fails.
    """
    source = Path(str(resources.files(__package__).joinpath(_SOURCE)))
    compiler = _compiler()
    if compiler is None:
        raise ToolError("estimating cycles needs a C compiler of this machine", hint="sudo apt-get install gcc")
    folder = folder or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asc-kit"
    state = hashlib.sha256(source.read_bytes() + " ".join((compiler, *_FLAGS)).encode()).hexdigest()[:12]
    path = folder / f"trace_plugin-{state}.so"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        built = Path(name) / path.name
        done = subprocess.run([compiler, *_FLAGS, str(source), "-o", str(built)], capture_output=True, text=True)
        if done.returncode:
            raise ToolError(f"{compiler} cannot compile the plugin that follows a run: {done.stderr.strip()}")
        os.replace(built, path)
    return path


def plugin_arguments(
    board: Board,
    image: Image,
    parts: Sequence[PartSpec],
    *,
    out: Path,
    entry: str | None = None,
    call: int | None = None,
) -> tuple[str, ...]:
    """Return the options that make QEMU trace a run; write the list of constants beside `out`.

    Parameters
    ----------
    board
        The emulated board, whose memory map says where the flash is.
    image
        What runs.
    parts
        Parts whose caches are simulated, each with a flash.
    out
        The file that the plugin writes when the emulator ends.
    entry
        Function to trace; None for the whole run.
    call
        Index of the call, from 0; None for all calls.
    """
    owners = out.with_suffix(".owners")
    lines = (f"{symbol.start:x} {symbol.start + symbol.size:x} {number}\n" for symbol, number in image.constants)
    owners.write_text("".join(lines))
    words = [f"file={build_plugin()}", f"out={out}", f"owners={owners}"]
    if entry is not None:
        words.append(f"entry={image.entry(entry):#x}")
    if call is not None:
        words.append(f"call={call}")
    memory = board.memory
    if memory is not None:
        words.append(f"flash={memory.flash_origin:x}:{memory.flash_origin + memory.flash_bytes:x}")
        if memory.constants_bytes:
            words.append(f"flash={memory.constants_origin:x}:{memory.constants_origin + memory.constants_bytes:x}")
    words += [f"memory={_memory_text(part)}" for part in parts]
    return "-plugin", ",".join(words)


def with_plugin(emulator: EmulatorSpec, arguments: Sequence[str]) -> EmulatorSpec:
    """Return an emulator that loads the plugin."""
    return EmulatorSpec(kind=emulator.kind, program=emulator.program, args=(*emulator.args, *arguments))


def _memory_text(part: PartSpec) -> str:
    flash = part.flash
    assert flash is not None
    text = _cache_text(flash.code)
    if flash.constants == "with_code":
        return f"{text}/="
    return text if flash.data is None else f"{text}/{_cache_text(flash.data)}"


def _cache_text(cache_spec: CacheSpec) -> str:
    numbers = (
        cache_spec.lines,
        cache_spec.line_bytes,
        cache_spec.sector_bytes,
        cache_spec.ways,
        int(cache_spec.replacement == "random"),
    )
    return ":".join(map(str, numbers))
