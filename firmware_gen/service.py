"""What other stages ask of this one: see `asc_kit.stages.FirmwareStage`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asc_kit.bundle import Bundle
from asc_kit.firmware import FirmwareManifest
from asc_kit.hardware.board import Arithmetic, Board, KernelSetName, Optimize
from asc_kit.process.console import console
from asc_kit.stages import BuiltModel, EngineNeeds, ModelEnd, PlanFigures
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.references import REFERENCE

from .frontend.tables import frontend_tables
from .generate import generate, make_firmware
from .kernel_sets import PORTABLE
from .network.graph import Graph, GraphEnd
from .plan.plan import make_plan
from .read.model import is_bare_model, name_file, read_bare, read_bundle, read_file, tensor_info
from .read.reader import read_model
from .write.fit import stack_bytes, state_bytes
from .write.manifest import measure_memory

if TYPE_CHECKING:
    from asc_kit.stages import FirmwareStage

    from . import service

    _held_to_it: FirmwareStage = service


def write_firmware(
    bundle: Path, board: Board, *, build: bool = False, optimize: Optimize = "speed", listens: bool = False
) -> Path:
    """Write a bundle's firmware into its usual folder, and return the folder.

    Parameters
    ----------
    bundle
        Folder of a bundle.
    board
        The board.
    build
        Compile the image too.
    optimize
        What to prefer where speed and size conflict.
    listens
        Whether it takes streams, too.

    Raises
    ------
    AscKitError
        As of `generate`.
    """
    folder = usual_folder(bundle, board.name)
    opened = Bundle.open(bundle)
    announce(generate(opened, board, folder, compile_it=build, optimize=optimize, listens=listens), folder)
    return folder


def build_model(
    model: Path,
    board: Board,
    folder: Path,
    *,
    input_shapes: Sequence[InputShape] = (),
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
) -> BuiltModel:
    """Write and build the firmware of a bundle or a .tflite file in a folder.

    Parameters
    ----------
    model
        Folder of a bundle, or a .tflite file.
    board
        The board.
    folder
        The firmware's folder.
    input_shapes
        Shapes of inputs that a file leaves free.
    kernels
        Name of the kernel set; None for the board's own.
    optimize
        What to prefer where speed and size conflict.

    Raises
    ------
    AscKitError
        As of `read_bundle`, `read_bare` and `make_firmware`.
    """
    if is_bare_model(model):
        file, read = model, read_bare(model, input_shapes=input_shapes)
    else:
        bundle = Bundle.open(model)
        file, read = bundle.model_path, read_bundle(bundle)
    made = make_firmware(read, board, folder, compile_it=True, kernels=kernels, optimize=optimize)
    return BuiltModel(
        manifest=made.manifest,
        model=read_file(file),
        inputs=_model_ends(read.graph, read.graph.inputs),
        outputs=_model_ends(read.graph, read.graph.outputs),
        has_state=bool(read.graph.variables),
    )


def _model_ends(graph: Graph, ends: Sequence[GraphEnd]) -> tuple[ModelEnd, ...]:
    return tuple(ModelEnd(name=end.name, type=end.type, tensor=tensor_info(graph, end.tensor)) for end in ends)


def plan_figures(model: Path, input_shapes: Sequence[InputShape] = ()) -> PlanFigures:
    """Return the sizes of a .tflite file as the engine would run it, with portable kernels.

    Raises
    ------
    ModelError
        When the engine does not take it.
    """
    with name_file(model):
        plan = make_plan(read_model(read_file(model), input_shapes), PORTABLE, "speed")
    return PlanFigures(
        macs=plan.macs,
        weight_bytes=plan.weight_bytes,
        arena_bytes=plan.arena_bytes,
        overlap_bound_bytes=plan.overlap_bound_bytes,
        liveness_bound_bytes=plan.liveness_bound_bytes,
    )


def engine_needs(model: Path, kernels: KernelSetName, frontend: Arithmetic) -> EngineNeeds:
    """Return the memory that the engine of a bundle or a .tflite file needs, planned for no part in particular.

    Raises
    ------
    AscKitError
        As of `read_bundle` and `read_bare`.
    """
    read = read_bare(model) if is_bare_model(model) else read_bundle(Bundle.open(model))
    with name_file(read.file):
        plan = make_plan(read.graph, kernels)
        info = read.info
        tables = frontend_tables(info.frontend, info.input, frontend) if info.frontend is not None else None
    memory = measure_memory(plan, tables)
    return EngineNeeds(
        weight_bytes=memory.weight_bytes,
        frontend_table_bytes=memory.frontend_table_bytes,
        state_bytes=state_bytes(plan, memory.frontend_bytes),
        stack_bytes=stack_bytes(plan),
    )


def usual_folder(model: Path, board: str) -> Path:
    """Return the folder of a board's firmware: inside a bundle, or beside a .tflite file."""
    return (model / "firmware" if model.is_dir() else model.with_suffix(".firmware")) / board


def announce(manifest: FirmwareManifest, folder: Path) -> None:
    """Say what was written."""
    memory = manifest.memory
    known = f", code {memory.code_bytes:,}" if memory.code_bytes is not None else ""
    console.print(
        f"firmware {folder}: {len(manifest.operators)} operators, arena {memory.arena_bytes:,} bytes, "
        f"weights {memory.weight_bytes:,}{known}, {manifest.kernels} kernels, id {manifest.firmware_id}",
        soft_wrap=True,
        markup=False,
    )
    if memory.image_flash_bytes is not None and memory.image_ram_bytes is not None:
        constants = memory.weight_bytes + memory.frontend_table_bytes
        state = memory.arena_bytes + memory.frontend_bytes
        code = (memory.code_bytes or 0) + (memory.frontend_code_bytes or 0)
        console.print(
            f"linked: flash {memory.image_flash_bytes:,} bytes (planned constants {constants:,}, code of the engine "
            f"{code:,}), RAM without stack {memory.image_ram_bytes:,} (planned {state:,}); the rest is protocol, port "
            "and C library",
            soft_wrap=True,
            markup=False,
        )
    if manifest.reference != REFERENCE:
        console.print(f"outputs are those of {manifest.reference}", soft_wrap=True, markup=False)
