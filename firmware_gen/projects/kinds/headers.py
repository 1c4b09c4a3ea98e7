"""The bare files: one header and one C file beside assembler, or a folder for cores with kernels of their own."""

from __future__ import annotations

from typing import Any

from ...write.sources import Files
from ..project_kind import Engine, ProjectKind
from ..variants import assembler_files, join_sources


def _files(engine: Engine) -> Files:
    if engine.condition is not None:
        return {f"engine/{name}": data for name, data in engine.files.items()}
    header, source = join_sources(engine.files)
    return {"asc_model.h": header.encode(), "asc_model.c": source.encode()} | assembler_files(engine.files)


def _values(engine: Engine) -> dict[str, Any]:
    place = "engine/" if engine.condition is not None else ""
    compiler = " ".join([engine.compiler, "-O2", *engine.core_flags])
    sources = [f"{place}*.c" if place else "asc_model.c"]
    if any(name.endswith(".S") for name in engine.files):
        sources.append(f"{place}*.S")
    c_flags = "-std=c99 -ffp-contract=off"
    include = f" -I{place.rstrip('/')}" if place else ""
    system = " --specs=nosys.specs" if engine.compiler_prefix.startswith("arm-none-eabi") else ""
    return {
        "build_lines": [
            f"{compiler} {c_flags} -c {' '.join(sources)}",
            f"{compiler} {c_flags}{include} -c example.c",
            f"{compiler}{system} *.o -lm -o example",
        ]
    }


KIND = ProjectKind(title="plain C files", engine_folder="", engine_files=_files, values=_values)
