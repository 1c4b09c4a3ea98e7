"""A CMake library: to be added as a folder, or installed and found by ``find_package``."""

from __future__ import annotations

from ..project_kind import ProjectKind

KIND = ProjectKind(title="a CMake library", engine_folder="src")
