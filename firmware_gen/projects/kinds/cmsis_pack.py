"""A CMSIS pack, for Keil, IAR, STM32CubeIDE and csolution."""

from __future__ import annotations

from ..project_kind import ProjectKind

KIND = ProjectKind(title="a CMSIS pack", engine_folder="src")
