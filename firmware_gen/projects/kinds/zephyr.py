"""A module for Zephyr."""

from __future__ import annotations

from ..project_kind import ProjectKind

KIND = ProjectKind(title="a module for Zephyr", engine_folder="src")
