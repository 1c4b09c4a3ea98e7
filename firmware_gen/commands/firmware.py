"""``asc-kit firmware``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import core_option, input_shape_option, optimize_option, part_option
from asc_kit.cli.output import say_json

from ..kernel_sets import kernel_set_names
from ..projects.kinds import project_kind_names
from .memory_map import check_map, memory_map_option, write_map
from .target import MemorySize, Prefix, choose_budget, choose_target, tell_build

if TYPE_CHECKING:
    from asc_kit.hardware.board import Arithmetic, KernelSetName, Optimize
    from asc_kit.tflite.inputs import InputShape

_LABELS_HINT = "give a text file with one label on each line, all different, in the order of the model's output"
_MOST_LABELS_BYTES = 1 << 20


@click.command()
@click.argument("bundle", metavar="BUNDLE|MODEL.tflite", type=click.Path(path_type=Path))
@click.option("--board", metavar="BOARD", help="For a board: a name, or a path. See: asc-kit boards.")
@core_option
@part_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write.  [default: BUNDLE/firmware/NAME; MODEL.firmware/NAME]",
)
@click.option(
    "--kernels",
    type=click.Choice(kernel_set_names()),
    help="Kernel set: portable is C99 for any core, the others use instructions that some cores have.  "
    "[default: the fastest that the core can run]",
)
@click.option(
    "--frontend",
    type=click.Choice(["float", "fixed"]),
    help="Arithmetic of the front end: float32, or integers.  [default: float if the core has a floating-point unit]",
)
@click.option(
    "--flash", type=MemorySize(), metavar="SIZE", help="Most flash to use, such as 512k.  [default: the part's]"
)
@click.option("--ram", type=MemorySize(), metavar="SIZE", help="Most RAM to use, such as 96k.  [default: the part's]")
@optimize_option
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labels of a MODEL.tflite, one on each line.  [default: class_0, class_1, …]",
)
@input_shape_option
@click.option(
    "--project",
    type=click.Choice(project_kind_names()),
    help="Write a library for another build system instead, into --out. See: docs/projects.md.",
)
@click.option(
    "--prefix",
    type=Prefix(),
    metavar="NAME",
    help="Begin the names of functions, macros and files with NAME, so that one image can hold several networks.  "
    "[default: asc]",
)
@click.option("--build/--no-build", default=False, help="Compile the image too.  [default: --no-build]")
@click.option("--listen", is_flag=True, help="Let the --board take streams too, as bench --mode stream sends them.")
@memory_map_option("the firmware's folder")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as one JSON document on stdout.")
def firmware(
    bundle: Path,
    out: Path | None,
    board: str | None = None,
    core: str | None = None,
    part: str | None = None,
    kernels: KernelSetName | None = None,
    frontend: Arithmetic | None = None,
    flash: int | None = None,
    ram: int | None = None,
    optimize: Optimize = "speed",
    labels: Path | None = None,
    input_shapes: tuple[InputShape, ...] = (),
    project: str | None = None,
    prefix: str | None = None,
    build: bool = False,
    listen: bool = False,
    memory_map: Path | None = None,
    as_json: bool = False,
) -> Path:
    """Write firmware for a board, or a library for a chip of your own project.

    With --board: C99 of the network and its front end, the board's port, and the protocol server around them. With
    --core or --part: the network and its front end alone, and an example, for a build of your own.

    A bundle includes its front end and its labels. Another int8 .tflite file becomes the network alone: it takes
    features, and its labels are numbers or those of --labels.

    With --project the network becomes a library for another build system, without protocol server and port.
    """
    from asc_kit.bundle import Bundle
    from asc_kit.hardware.board import Board
    from asc_kit.process.console import console, note

    from ..generate import make_firmware, make_library
    from ..projects.writing import make_project
    from ..read.model import is_bare_model, read_bare, read_bundle
    from ..service import announce, usual_folder
    from ..write.fit import describe_needs

    is_bare = is_bare_model(bundle)
    if labels is not None and not is_bare:
        raise click.UsageError("--labels goes with a MODEL.tflite: a bundle has labels of its own")
    if input_shapes and not is_bare:
        raise click.UsageError("--input-shape goes with a MODEL.tflite: a bundle's model has fixed shapes")
    if project is not None and (out is None or build or memory_map is not None):
        raise click.UsageError("--project needs --out, and goes without --build and --memory-map")
    if project is not None and (flash is not None or ram is not None):
        raise click.UsageError("--flash and --ram are not checked for a --project: leave them out")
    target = choose_target(board, core, part)
    if prefix is not None and target.kind == "board" and project is None:
        raise click.UsageError("--prefix goes with --core, --part or --project: a board's firmware has one network")
    if build and target.kind != "board":
        raise click.UsageError("--build makes the image of a --board; a library is compiled by your own build")
    if listen and (project is not None or target.kind != "board"):
        raise click.UsageError("--listen goes with a --board; every other engine with a front end can listen")
    budget = choose_budget(target, flash, ram)
    if frontend is not None:
        target = replace(target, frontend=frontend)
    if target.frontend == "float" and target.core.frontend == "fixed" and not is_bare:
        note(
            f"{target.core.title} has no floating-point unit: a front end in float takes more than 15 times the "
            "instructions of --frontend fixed"
        )
    folder = out if out is not None else usual_folder(bundle, target.name)
    if memory_map is not None:
        check_map(memory_map, folder)
    if is_bare:
        names = _read_labels(labels) if labels is not None else None
        model = read_bare(bundle, labels=names, input_shapes=input_shapes)
    else:
        model = read_bundle(Bundle.open(bundle))
    if project is not None:
        written = make_project(model, target, project, folder, kernels=kernels, optimize=optimize, prefix=prefix)
        console.print(
            f"{project} project {folder}: library {written.name}, {written.kernels} kernels",
            soft_wrap=True,
            markup=False,
        )
        console.print(written.hint, soft_wrap=True, markup=False)
        if as_json:
            say_json(written)
        return folder
    if isinstance(target, Board):
        made = make_firmware(
            model, target, folder, compile_it=build, kernels=kernels, optimize=optimize, listens=listen
        )
    else:
        made = make_library(model, target, folder, kernels=kernels, optimize=optimize, budget=budget, prefix=prefix)
    announce(made.manifest, folder)
    if memory_map is not None:
        write_map(made.plan, memory_map, folder, bundle.name)
    if not isinstance(target, Board):
        tell_build(target, folder, describe_needs(made.plan, made.manifest.memory))
    if as_json:
        say_json(made.manifest)
    return folder


def _read_labels(path: Path) -> list[str]:
    """Return the lines of a file."""
    from asc_kit.errors import ModelError
    from asc_kit.records.documents import read_limited
    from asc_kit.records.fields import check_label

    try:
        # a byte order mark, as some editors put first, is no part of a label; nor do form feeds end a line
        text = read_limited(path, _MOST_LABELS_BYTES, ModelError).decode("utf-8-sig")
    except ModelError as failure:
        raise ModelError(f"labels {failure.message}", hint=_LABELS_HINT) from None
    except UnicodeDecodeError as failure:
        raise ModelError(f"labels {path} are not text in UTF-8: {failure}", hint=_LABELS_HINT) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    labels: list[str] = []
    for number, label in enumerate((line.strip() for line in lines), 1):
        if not label:
            raise ModelError(f"labels {path}: line {number} is empty", hint=_LABELS_HINT)
        problem = check_label(label)
        if problem is not None:
            raise ModelError(f"labels {path}: line {number}: {problem}", hint=_LABELS_HINT)
        if label in labels:
            first = labels.index(label) + 1
            raise ModelError(f"labels {path}: line {number} is {label!r}, as line {first}", hint=_LABELS_HINT)
        labels.append(label)
    return labels
