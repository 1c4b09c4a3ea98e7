"""The description of generated firmware: ``firmware.json`` in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import BoardError
from asc_kit.hardware.board import KernelSetName, Optimize
from asc_kit.hardware.target import TargetKind
from asc_kit.records.fields import (
    MAX_OPERATORS,
    Count,
    Files,
    Index,
    InnerPath,
    Line,
    Macs,
    Name,
    Sha256,
    Shape,
    ShortId,
    require,
)
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, read_record
from asc_kit.tflite.references import REFERENCE

MANIFEST = "firmware.json"
NO_FRONTEND = "0" * 16
"""Fingerprint in firmware without a front end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorInfo:
    """A step of the network, as the firmware runs and profiles it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    index: Index
    """Position in the order of execution, from 0."""
    op: Name
    """TFLite's name of the operator, such as CONV_2D."""
    output: Line
    """Name of the tensor it computes."""
    output_shape: Shape
    """Shape of that tensor."""
    macs: Macs
    """Multiply-accumulates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareMemory:
    """Bytes of the firmware, by purpose."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    arena_bytes: Count
    """RAM of the network: activations and the input, one static block, exactly as planned."""
    frontend_bytes: Count
    """RAM of the front end: samples, spectrum, and the whole clip's features where it needs them at once; 0 without."""
    listener_bytes: Count | None = None
    """RAM of listening to a stream, beside these, if the program does; None without a front end."""
    weight_bytes: Count
    """Constants of the network: weights, biases, requantization constants."""
    frontend_table_bytes: Count
    """Constants of the front end: window, filters, twiddle factors."""
    code_bytes: Count | None = None
    """Machine code of the engine: kernels and the generated driver; None until built."""
    frontend_code_bytes: Count | None = None
    """Machine code of the front end; None until built."""
    image_flash_bytes: Count | None = None
    """Flash of the whole image, protocol, port and C library included; None until built."""
    image_ram_bytes: Count | None = None
    """RAM of the whole image, without the stack; None until built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareManifest:
    """The content of ``firmware.json``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit firmware BUNDLE --board NAME --build"

    schema_version: Literal[1]
    """Version of this record."""
    asc_kit: Name
    """Version of asc-kit that wrote it."""
    board: Name
    """Name of the board it was written for; of the part or core, where it is a library."""
    engine: Literal["aot"]
    """Engine that runs the network."""
    spec_id: ShortId
    """Fingerprint of the front end; NO_FRONTEND in firmware of a bare model."""
    model_sha256: Sha256
    """Hash of model.tflite."""
    firmware_id: ShortId
    """Fingerprint of sources, compiler, flags, core and kernel set; the firmware answers with it."""
    sources: Files
    """C files to compile, relative to the folder."""
    image: InnerPath | None
    """The built image, relative to the folder; None when not built."""
    memory: FirmwareMemory
    """Bytes."""
    operators: Annotated[tuple[OperatorInfo, ...], Field(max_length=MAX_OPERATORS)]
    """The steps of the network."""
    kernels: KernelSetName = "portable"
    """The kernel set it was generated for."""
    optimize: Optimize = "speed"
    """What it prefers where speed and size conflict."""
    written_for: TargetKind = "board"
    """What `board` names. Of a part or a core there is the engine alone, without protocol server, port and image."""
    reference: Line = REFERENCE
    """The kernels whose outputs it computes, bit for bit: see `asc_kit.tflite.references`."""

    def __post_init__(self) -> None:
        places = [operator.index for operator in self.operators]
        require((places == list(range(len(places))), "operators must be numbered 0, 1, 2 …"), error=BoardError)


def read_firmware(folder: Path) -> FirmwareManifest:
    """Read the manifest of a firmware folder.

    Raises
    ------
    BoardError
        If it is missing or invalid, or if its image is a link that leads out of the folder.
    """
    manifest = read_record(FirmwareManifest, folder / MANIFEST, error=BoardError)
    image = (folder / (manifest.image or "")).resolve()
    if not image.is_relative_to(folder.resolve()):
        raise BoardError(f"{folder / str(manifest.image)} is a link that leads out of the folder, to {image}")
    return manifest
