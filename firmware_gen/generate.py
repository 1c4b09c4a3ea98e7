"""From a bundle to a firmware folder."""

from __future__ import annotations

from pathlib import Path

from asc_kit import __version__
from asc_kit.board import BoardSpec
from asc_kit.bundle import Bundle
from asc_kit.errors import BundleError
from asc_kit.firmware import MANIFEST, FirmwareManifest, FirmwareMemory, OperatorInfo
from asc_kit.quantization import TensorInfo
from asc_kit.records import new_folder, write_bytes, write_json

from .build import build, check_memory
from .emit import ModelInfo
from .frontend_tables import frontend_tables
from .graph import Graph
from .makefile import makefile
from .plan import Plan, make_plan, plan_document
from .reader import read_model
from .sources import BUILD_HEADER, app_files, board_files, build_header, c_sources, engine_files, firmware_id


def generate(bundle: Bundle, board: BoardSpec, out: Path, *, compile_it: bool = False) -> FirmwareManifest:
    """Write the firmware of a bundle for a board; the folder appears complete or not at all.

    Parameters
    ----------
    bundle
        The bundle.
    board
        The board.
    out
        Folder to write; one that this function wrote before is replaced.
    compile_it
        Build the image too.

    Raises
    ------
    ModelError
        When the model holds something that is not supported, or does not fit the board.
    ToolError
        When the toolchain is missing or fails.
    """
    graph = read_model(bundle.model_path.read_bytes())
    info = _model_info(bundle)
    _check_ends(graph, info)
    plan = make_plan(graph)
    tables = frontend_tables(info.frontend, info.input)
    memory = FirmwareMemory(
        arena_bytes=plan.arena_bytes,
        frontend_bytes=tables.ram_bytes,
        weight_bytes=plan.weight_bytes,
        frontend_table_bytes=tables.table_bytes,
    )
    if board.memory is not None:
        check_memory(memory, board.memory, f"board {board.name}")
    files = engine_files(plan, tables, info) | app_files() | board_files(board)
    fingerprint = firmware_id(files)
    files[BUILD_HEADER] = build_header(board, info, fingerprint)
    sources = c_sources(files)
    files["Makefile"] = makefile(board, sources)
    manifest = FirmwareManifest(
        schema_version=1,
        asc_kit=__version__,
        board=board.name,
        engine="aot",
        spec_id=info.frontend.spec_id,
        model_sha256=info.model_sha256,
        firmware_id=fingerprint,
        sources=sources,
        image=None,
        memory=memory,
        operators=_operators(plan),
    )
    with new_folder(out, marker=MANIFEST) as folder:
        for name, data in files.items():
            write_bytes(folder / name, data)
        write_json(folder / "plan.json", plan_document(plan))
        write_json(folder / MANIFEST, manifest)
        if compile_it:
            manifest = build(folder, board)
    return manifest


def _model_info(bundle: Bundle) -> ModelInfo:
    manifest = bundle.manifest
    return ModelInfo(
        name=manifest.name,
        labels=manifest.labels,
        frontend=manifest.frontend,
        input=manifest.input,
        output=manifest.output,
        model_sha256=manifest.model_sha256,
    )


def _operators(plan: Plan) -> tuple[OperatorInfo, ...]:
    return tuple(
        OperatorInfo(
            index=position,
            op=step.operator.op,
            output=step.output.name,
            output_shape=step.output.shape,
            macs=step.call.macs,
        )
        for position, step in enumerate(plan.steps)
    )


def _check_ends(graph: Graph, info: ModelInfo) -> None:
    """Check that the manifest's input and output, which the front end and the labels go by, are the model's."""
    ends: tuple[tuple[str, int, TensorInfo], ...] = (
        ("input", graph.input, info.input),
        ("output", graph.output, info.output),
    )
    for what, index, expected in ends:
        tensor = graph.tensors[index]
        actual = TensorInfo(shape=tensor.shape, scale=tensor.scale, zero_point=tensor.zero_point)
        if actual != expected:
            raise BundleError(
                f"the bundle says that the {what} is {expected}, the model's is {actual}",
                hint="export the run again",
            )
