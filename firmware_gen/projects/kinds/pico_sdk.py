"""A library for the SDK of the Raspberry Pi Pico, whose first core has no floating-point unit."""

from __future__ import annotations

from ..project_kind import ProjectKind

KIND = ProjectKind(title="a library for the Pico SDK", engine_folder="src", frontend="fixed")
