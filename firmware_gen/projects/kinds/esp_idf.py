"""A component for ESP-IDF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...write.sources import c_sources
from ..project_kind import Engine, ProjectKind


def _values(engine: Engine) -> dict[str, Any]:
    # constants have nothing to gain: linker.lf moves code
    code = [name for name in c_sources(engine.files) if name not in ("asc_weights.c", "asc_frontend_tables.c")]
    return {"stems": [Path(name).stem for name in code]}


KIND = ProjectKind(title="a component for ESP-IDF", engine_folder="src", values=_values)
