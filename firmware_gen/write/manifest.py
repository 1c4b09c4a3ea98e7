"""The contents of a firmware folder: which files are the kit's, and the manifest."""

from __future__ import annotations

from asc_kit import __version__
from asc_kit.firmware import MANIFEST, FirmwareManifest, FirmwareMemory, OperatorInfo
from asc_kit.hardware.board import Board
from asc_kit.hardware.target import Target
from asc_kit.outputs import OutputKind
from asc_kit.tflite.references import reference_of

from ..frontend.tables import FrontEndTables
from ..plan.memory_map import MEMORY_MAP
from ..plan.plan import Plan
from ..read.model import ModelInfo
from .sources import Sources

FIRMWARE = OutputKind(
    name="firmware",
    command="asc-kit firmware",
    manifest=MANIFEST,
    names=(MANIFEST, "plan.json"),
    # made by make, for the kit or the user
    products=("build/*.o", "build/*.d", "build/firmware", "build/firmware.elf"),
    parts=(MEMORY_MAP.name,),
)


def measure_memory(plan: Plan, tables: FrontEndTables | None) -> FirmwareMemory:
    """Return the memory of network and front end that is known before compilation."""
    return FirmwareMemory(
        arena_bytes=plan.arena_bytes,
        frontend_bytes=tables.ram_bytes if tables is not None else 0,
        weight_bytes=plan.weight_bytes,
        frontend_table_bytes=tables.table_bytes if tables is not None else 0,
        listener_bytes=tables.listener_bytes if tables is not None else None,
    )


def describe_firmware(
    plan: Plan, memory: FirmwareMemory, info: ModelInfo, target: Board | Target, sources: Sources
) -> FirmwareManifest:
    """Return the manifest of firmware before compilation."""
    return FirmwareManifest(
        schema_version=1,
        asc_kit=__version__,
        board=target.name,
        engine="aot",
        kernels=plan.kernels.name,
        optimize=plan.optimize,
        written_for=target.kind,
        spec_id=info.spec_id,
        model_sha256=info.model_sha256,
        firmware_id=sources.firmware_id,
        sources=sources.compiled,
        image=None,
        memory=memory,
        operators=tuple(
            OperatorInfo(
                index=position,
                op=step.operator.op,
                output=step.output.name,
                output_shape=step.output.shape,
                macs=step.call.macs,
            )
            for position, step in enumerate(plan.steps)
        ),
        reference=reference_of(step.operator.op for step in plan.steps),
    )
