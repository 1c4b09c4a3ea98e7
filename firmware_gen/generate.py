"""From a bundle, or a bare .tflite file, to a firmware folder: read, plan, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asc_kit.bundle import Bundle
from asc_kit.errors import ModelError
from asc_kit.firmware import MANIFEST, FirmwareManifest
from asc_kit.hardware.board import Board, KernelSetName, Optimize
from asc_kit.hardware.part import PartSpec, usual_part
from asc_kit.hardware.target import Target
from asc_kit.outputs import new_folder
from asc_kit.records.record import write_bytes, write_json
from asc_kit.tflite.inputs import InputShape

from .frontend.tables import FrontEndTables, frontend_tables
from .kernel_sets import PORTABLE, choose_kernel_set
from .plan.plan import Plan, make_plan, plan_document
from .read.model import Model, name_file, read_bare, read_bundle
from .write.build import build, check_fit
from .write.fit import Budget, check_budget
from .write.manifest import FIRMWARE, describe_firmware, measure_memory
from .write.sources import collect_library, collect_sources


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Firmware:
    """Firmware that was written."""

    manifest: FirmwareManifest
    """The manifest in its folder."""
    plan: Plan
    """The plan of its network."""


def make_firmware(
    model: Model,
    board: Board,
    out: Path,
    *,
    compile_it: bool = False,
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
    listens: bool = False,
) -> Firmware:
    """Write the firmware of a model for a board; the folder appears complete or not at all.

    Parameters
    ----------
    model
        The model.
    board
        The board.
    out
        Folder to write; of one that this function wrote before, its own files are replaced.
    compile_it
        Build the image too.
    kernels
        Name of the kernel set; None for the board's own.
    optimize
        What to prefer where speed and size conflict.
    listens
        Whether the server takes streams, too; the model must have a front end.

    Raises
    ------
    ModelError
        When the model holds something that is not supported, lacks a front end for streams, or does not fit the board.
    BoardError
        When the board cannot run the kernel set.
    ToolError
        When the toolchain is missing or fails.
    """
    with name_file(model.file):
        info = model.info
        part = board.part or usual_part(board.core.name)
        plan = make_plan(model.graph, choose_kernel_set(board, kernels), optimize, part)
        tables = frontend_tables(info.frontend, info.input, board.frontend) if info.frontend is not None else None
        if listens and tables is None:
            raise ModelError(
                f"{info.name} has no front end, and cannot listen to a stream", hint="listening goes with a bundle"
            )
        memory = measure_memory(plan, tables)
        check_fit(memory, plan.most_rows, board)
        sources = collect_sources(plan, tables, info, board, listens=listens)
        manifest = describe_firmware(plan, memory, info, board, sources)
        with new_folder(out, FIRMWARE, sources.files) as folder:
            for name, data in sources.files.items():
                write_bytes(folder / name, data)
            write_json(folder / "plan.json", plan_document(plan))
            write_json(folder / MANIFEST, manifest)
            if compile_it:
                manifest = build(folder, board)
        return Firmware(manifest=manifest, plan=plan)


def make_library(
    model: Model,
    target: Target,
    out: Path,
    *,
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
    budget: Budget | None = None,
    prefix: str | None = None,
) -> Firmware:
    """Write a model as a library for a core or a part: the engine and an example; parameters as of `make_firmware`.

    It must fit the `budget`; None: nothing is known of its memory. With a `prefix`, names begin with it.

    Raises
    ------
    ModelError
        When the model holds something that is not supported, or does not fit.
    BoardError
        When the core cannot run the kernel set.
    """
    with name_file(model.file):
        info = model.info
        part = target.part or usual_part(target.core.name)
        plan = make_plan(model.graph, choose_kernel_set(target, kernels), optimize, part)
        tables = frontend_tables(info.frontend, info.input, target.frontend) if info.frontend is not None else None
        memory = measure_memory(plan, tables)
        if budget is not None:
            try:
                check_budget(plan, memory, budget, f"{target.kind} {target.name}")
            except ModelError as failure:
                change = _change_that_fits(model, tables, budget, plan, part)
                raise ModelError(failure.message, hint=change or failure.hint) from None
        sources = collect_library(plan, tables, info, target, prefix)
        manifest = describe_firmware(plan, memory, info, target, sources)
        with new_folder(out, FIRMWARE, sources.files) as folder:
            for name, data in sources.files.items():
                write_bytes(folder / name, data)
            write_json(folder / "plan.json", plan_document(plan))
            write_json(folder / MANIFEST, manifest)
        return Firmware(manifest=manifest, plan=plan)


def _change_that_fits(
    model: Model, tables: FrontEndTables | None, budget: Budget, plan: Plan, part: PartSpec | None
) -> str | None:
    """Return which options would make a network fit, the fewest first; None if none do."""
    own: tuple[KernelSetName, Optimize] = (plan.kernels.name, plan.optimize)
    changes: list[tuple[KernelSetName, Optimize]] = [(own[0], "size"), (PORTABLE, own[1]), (PORTABLE, "size")]
    for change in dict.fromkeys(changes):
        if change == own:
            continue
        smaller = make_plan(model.graph, *change, part)
        try:
            check_budget(smaller, measure_memory(smaller, tables), budget, "")
        except ModelError:
            continue
        options = [f"--kernels {change[0]}"] if change[0] != own[0] else []
        options += [f"--optimize {change[1]}"] if change[1] != own[1] else []
        return f"with {' '.join(options)} it fits"
    return None


def generate(
    bundle: Bundle,
    board: Board,
    out: Path,
    *,
    compile_it: bool = False,
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
    listens: bool = False,
) -> FirmwareManifest:
    """Write the firmware of a bundle for a board; parameters and errors as of `read_bundle` and `make_firmware`."""
    made = make_firmware(
        read_bundle(bundle), board, out, compile_it=compile_it, kernels=kernels, optimize=optimize, listens=listens
    )
    return made.manifest


def generate_bare(
    file: Path,
    board: Board,
    out: Path,
    *,
    labels: Sequence[str] | None = None,
    input_shapes: Sequence[InputShape] = (),
    compile_it: bool = False,
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
) -> FirmwareManifest:
    """Write the firmware of a .tflite file, the network without a front end; as `read_bare` and `make_firmware`."""
    model = read_bare(file, labels=labels, input_shapes=input_shapes)
    return make_firmware(model, board, out, compile_it=compile_it, kernels=kernels, optimize=optimize).manifest
