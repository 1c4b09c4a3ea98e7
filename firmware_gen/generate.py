"""From a bundle, or a bare .tflite file, to a firmware folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from asc_kit import __version__
from asc_kit.bundle import Bundle
from asc_kit.errors import BundleError, ModelError
from asc_kit.firmware import MANIFEST, FirmwareManifest, FirmwareMemory, OperatorInfo
from asc_kit.hardware.board import Board, Goal, KernelSetName
from asc_kit.outputs import OutputKind, new_folder
from asc_kit.quantization import TensorInfo
from asc_kit.records.record import write_bytes, write_json
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.references import reference_of

from .frontend.tables import frontend_tables
from .kernel_sets import choose_kernel_set
from .network.graph import Graph
from .plan.memory_map import MEMORY_MAP
from .plan.plan import Plan, make_plan, plan_document
from .read.reader import read_model
from .write.build import build, check_memory, check_stack
from .write.emit import ModelInfo, emit_example
from .write.makefile import makefile
from .write.sources import BUILD_HEADER, app_files, board_files, build_header, c_sources, engine_files, firmware_id

FIRMWARE = OutputKind(
    name="firmware",
    command="asc-kit firmware",
    manifest=MANIFEST,
    names=(MANIFEST, "plan.json"),
    # what make makes, ours or the user's
    products=("build/*.o", "build/*.d", "build/firmware", "build/firmware.elf"),
    parts=(MEMORY_MAP.name,),
)


def generate(
    bundle: Bundle,
    board: Board,
    out: Path,
    *,
    compile_it: bool = False,
    kernels: KernelSetName | None = None,
    optimize: Goal = "speed",
) -> FirmwareManifest:
    """Write the firmware of a bundle for a board; the folder appears complete or not at all.

    Parameters
    ----------
    bundle
        The bundle.
    board
        The board.
    out
        Folder to write; of one that this function wrote before, its own files are replaced.
    compile_it
        Build the image too.
    kernels
        Kernel set; None for the board's own.
    optimize
        What to prefer where speed and size conflict.

    Raises
    ------
    ModelError
        When the model holds something that is not supported, or does not fit the board.
    BoardError
        When the board cannot run the kernel set.
    ToolError
        When the toolchain is missing or fails.
    """
    graph = read_model(bundle.model_path.read_bytes())
    info = _bundle_info(bundle)
    _check_ends(graph, info)
    return _write(graph, info, board, out, compile_it=compile_it, kernels=kernels, optimize=optimize)


def generate_bare(
    model: Path,
    board: Board,
    out: Path,
    *,
    labels: Sequence[str] | None = None,
    input_shapes: Sequence[InputShape] = (),
    compile_it: bool = False,
    kernels: KernelSetName | None = None,
    optimize: Goal = "speed",
) -> FirmwareManifest:
    """Write the firmware of a .tflite file for a board: the network without a front end.

    Parameters
    ----------
    model
        Any int8 .tflite file.
    labels
        Names of the classes, one for each element of the output's last axis; None for ``class_0``, ``class_1`` and
        so on.
    input_shapes
        Shapes of inputs that the file leaves free.
    board, out, compile_it, kernels, optimize
        As of `generate`.

    Raises
    ------
    ModelError
        When the file cannot be read, the model holds something that is not supported, does not fit the board or has
        another number of classes.
    BoardError, ToolError
        As of `generate`.
    """
    data = read_file(model)
    try:
        graph = read_model(data, input_shapes)
        info = bare_info(graph, data, model.stem, labels)
        return _write(graph, info, board, out, compile_it=compile_it, kernels=kernels, optimize=optimize)
    except ModelError as failure:
        raise failure.in_file(model) from None


def is_bare_model(path: Path) -> bool:
    """Tell whether a path is for a .tflite file; a folder is a bundle, whatever its name.

    Raises
    ------
    ModelError
        When there is neither.
    """
    if not path.exists():
        raise ModelError(f"{path} does not exist", hint="give a bundle (asc-kit export) or a .tflite file")
    if not (path.is_file() or path.is_dir()):  # a device may have no end
        raise ModelError(f"{path} is neither a file nor a folder", hint="give a bundle or a .tflite file")
    return path.is_file()


def read_file(model: Path) -> bytes:
    """Return the content of a .tflite file.

    Raises
    ------
    ModelError
        When there is none, or it cannot be read.
    """
    try:
        return model.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"model {model} does not exist", hint="give a bundle or a .tflite file") from None
    except OSError as failure:
        raise ModelError(
            f"model {model} cannot be read: {failure.strerror}",
            hint="give a bundle or a .tflite file that you may read",
        ) from None


def _write(
    graph: Graph,
    info: ModelInfo,
    board: Board,
    out: Path,
    *,
    compile_it: bool,
    kernels: KernelSetName | None,
    optimize: Goal,
) -> FirmwareManifest:
    chosen = choose_kernel_set(board, kernels)
    plan = make_plan(graph, chosen, optimize)
    tables = frontend_tables(info.frontend, info.input, board.frontend) if info.frontend is not None else None
    memory = FirmwareMemory(
        arena_bytes=plan.arena_bytes,
        frontend_bytes=tables.ram_bytes if tables is not None else 0,
        weight_bytes=plan.weight_bytes,
        frontend_table_bytes=tables.table_bytes if tables is not None else 0,
    )
    if board.memory is not None:
        check_memory(memory, board.memory, f"board {board.name}")
        check_stack(plan.most_rows, board.memory, f"board {board.name}")
    files = engine_files(plan, tables, info) | app_files() | board_files(board)
    sources = c_sources(files)
    files["Makefile"] = makefile(board, sources)
    fingerprint = firmware_id(files, board.core.name, chosen)
    files[BUILD_HEADER] = build_header(board, info, fingerprint)
    files["example/main.c"] = emit_example(plan, tables, info).encode()  # no part of the image
    manifest = FirmwareManifest(
        schema_version=1,
        asc_kit=__version__,
        board=board.name,
        engine="aot",
        kernels=chosen,
        optimize=optimize,
        spec_id=info.spec_id,
        model_sha256=info.model_sha256,
        firmware_id=fingerprint,
        sources=sources,
        image=None,
        memory=memory,
        operators=_operators(plan),
        reference=reference_of(step.operator.op for step in plan.steps),
    )
    with new_folder(out, FIRMWARE, files) as folder:
        for name, data in files.items():
            write_bytes(folder / name, data)
        write_json(folder / "plan.json", plan_document(plan))
        write_json(folder / MANIFEST, manifest)
        if compile_it:
            manifest = build(folder, board)
    return manifest


def _bundle_info(bundle: Bundle) -> ModelInfo:
    manifest = bundle.manifest
    return ModelInfo(
        name=manifest.name,
        labels=manifest.labels,
        frontend=manifest.frontend,
        input=manifest.input,
        output=manifest.output,
        model_sha256=manifest.model_sha256,
    )


def bare_info(graph: Graph, data: bytes, name: str, labels: Sequence[str] | None = None) -> ModelInfo:
    """Return what the generated code says of a bare model.

    Raises
    ------
    ModelError
        When there is another number of labels than of classes.
    """
    output = _tensor_info(graph, graph.output)
    classes = output.shape[-1] if output.shape else 1
    if labels is not None and len(labels) != classes:
        raise ModelError(
            f"the model has {classes} classes along the last axis of its output. Labels received: {len(labels)}",
            hint="give a file with one label on each line, as many as classes",
        )
    return ModelInfo(
        name=name,
        labels=tuple(labels if labels is not None else (f"class_{index}" for index in range(classes))),
        frontend=None,
        input=_tensor_info(graph, graph.input),
        output=output,
        model_sha256=hashlib.sha256(data).hexdigest(),
    )


def _tensor_info(graph: Graph, index: int) -> TensorInfo:
    tensor = graph.tensors[index]
    return TensorInfo(shape=tensor.shape, scale=tensor.scale, zero_point=tensor.zero_point)


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
    if (graph.input_type, graph.output_type) != ("int8", "int8"):
        raise BundleError(
            f"the model takes {graph.input_type} and gives {graph.output_type}; a bundle's model is int8 throughout",
            hint="export the run again, or give the .tflite file alone",
        )
    ends = (("input", graph.input, info.input), ("output", graph.output, info.output))
    for what, index, expected in ends:
        actual = _tensor_info(graph, index)
        if actual != expected:
            raise BundleError(
                f"the bundle says that the {what} is {expected}, the model's is {actual}",
                hint="export the run again",
            )
