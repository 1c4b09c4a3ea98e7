"""A library for PlatformIO."""

from __future__ import annotations

from ..project_kind import ProjectKind

KIND = ProjectKind(title="a library for PlatformIO", engine_folder="src")
