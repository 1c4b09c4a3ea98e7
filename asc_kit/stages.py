"""Typed calls from stage to stage: stages never import each other."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from asc_kit.firmware import FirmwareManifest
from asc_kit.hardware.board import Arithmetic, Board, KernelSetName, Optimize
from asc_kit.quantization import TensorInfo
from asc_kit.tflite.inputs import InputShape


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """Sizes of a network as the engine runs it."""

    macs: int
    """Multiply-accumulates."""
    weight_bytes: int
    """All constants."""
    arena_bytes: int
    """Working memory of the plan."""
    overlap_bound_bytes: int
    """The least that any placement needs."""
    liveness_bound_bytes: int
    """The same where no output may overlap its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNeeds:
    """Memory that an engine needs, as far as it is known before it is compiled."""

    weight_bytes: int
    """Constants of the network."""
    frontend_table_bytes: int
    """Constants of the front end; 0 without."""
    state_bytes: int
    """Working memory of network and front end."""
    stack_bytes: int
    """Stack, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEnd:
    """An input or an output of a model."""

    name: str
    """Name in the file."""
    type: str
    """Type of the file's end: int8, uint8 or float32."""
    tensor: TensorInfo
    """The network's int8 tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltModel:
    """Firmware of a model, built, and what the network is between the file's ends."""

    manifest: FirmwareManifest
    """The firmware's manifest."""
    model: bytes
    """The flatbuffer."""
    inputs: tuple[ModelEnd, ...]
    """What it takes."""
    outputs: tuple[ModelEnd, ...]
    """What it gives."""
    has_state: bool
    """Whether an inference depends on earlier ones."""

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(end.tensor.n_elements for end in self.inputs)


class FirmwareStage(Protocol):
    """What other stages ask of firmware_gen; `asc_kit.firmware_gen.service` is held to it by the type checker."""

    def write_firmware(
        self, bundle: Path, board: Board, *, build: bool = False, optimize: Optimize = "speed", listens: bool = False
    ) -> Path:
        """Write a bundle's firmware into its usual folder, and return the folder."""

    def build_model(
        self,
        model: Path,
        board: Board,
        folder: Path,
        *,
        input_shapes: Sequence[InputShape] = (),
        kernels: KernelSetName | None = None,
        optimize: Optimize = "speed",
    ) -> BuiltModel:
        """Write and build the firmware of a bundle or a .tflite file in a folder."""

    def plan_figures(self, model: Path, input_shapes: Sequence[InputShape] = ()) -> PlanFigures:
        """Return the sizes of a .tflite file as the engine would run it."""

    def engine_needs(self, model: Path, kernels: KernelSetName, frontend: Arithmetic) -> EngineNeeds:
        """Return the memory that the engine of a bundle or a .tflite file needs."""


def firmware_stage() -> FirmwareStage:
    """Return the stage that writes firmware; it is imported only now, since not every machine needs its packages."""
    module: Any = importlib.import_module("asc_kit.firmware_gen.service")
    stage: FirmwareStage = module
    return stage
