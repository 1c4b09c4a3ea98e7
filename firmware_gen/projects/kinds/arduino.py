"""A library for the Arduino IDE: one flat folder, no flags of ours, so the front end computes in integers."""

from __future__ import annotations

import hashlib
from typing import Any

from asc_kit.protocol import TimerUnit

from ...write.sources import Files, app_files
from ..project_kind import Engine, ProjectKind

_BENCHMARK = "examples/Benchmark"


def _files(engine: Engine) -> Files:
    # main.c is the sketch's own business
    server = {
        name.replace("app", _BENCHMARK, 1): data for name, data in app_files().items() if not name.endswith("/main.c")
    }
    return {f"src/{name}": data for name, data in engine.files.items()} | server


def _values(engine: Engine) -> dict[str, Any]:
    digest = hashlib.sha256()
    for name, data in sorted(_files(engine).items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return {
        "firmware_id": digest.hexdigest()[:16],
        "timer_unit": TimerUnit.NS.value,
        "bytes": lambda digits: "{" + ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(digits)) + "}",
    }


KIND = ProjectKind(
    title="a library for Arduino", engine_folder="", engine_files=_files, values=_values, frontend="fixed"
)
