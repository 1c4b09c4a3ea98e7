"""Commands about boards: bench, boards, ports."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from asc_kit.cli.options import layout_option, optimize_option
from asc_kit.cli.output import say_json
from asc_kit.errors import AscKitError, BoardError, MismatchError

if TYPE_CHECKING:
    from rich.table import Table

    from asc_kit.board import Goal
    from asc_kit.dataset import Layout

    from .session import Session


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--board", metavar="NAME", help="Board to measure; one that has an emulator is started. See: boards.")
@click.option(
    "--port", metavar="PORT", help="Where a board is plugged in: /dev/ttyACM0, socket://host:port. See: ports."
)
@click.option("--baud", type=click.IntRange(min=300), default=115_200, show_default=True, help="Rate of the port.")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of the data set.")
@layout_option
@click.option("--split", metavar="NAME", help="Split of the data set.  [default: its test split]")
@click.option(
    "--mode",
    type=click.Choice(["features", "audio"]),
    default="features",
    show_default=True,
    help="Send int8 features (the network alone), or audio (the board computes the features too).",
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only N clips, stratified over scenes and devices."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Emulators side by side.  [default: 2 when instructions count]",
)
@optimize_option
@click.option(
    "--estimate-cycles", is_flag=True, help="Estimate the cycles of one inference too, on parts with the core."
)
@click.option(
    "--part", metavar="PART", help="Estimate for this part alone, operator by operator: a name, or PART.toml."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for results.json.  [default: in the bundle]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document on stdout.")
def bench(
    bundle: Path,
    board: str | None,
    port: str | None,
    baud: int,
    data: Path,
    layout: Layout | None,
    split: str | None,
    mode: Literal["features", "audio"],
    limit: int | None,
    jobs: int | None,
    optimize: Goal,
    estimate_cycles: bool,
    part: str | None,
    out: Path | None,
    as_json: bool,
) -> Path:
    """Measure accuracy and latency of BUNDLE on a board, clip by clip, against the host's reference kernels.

    Writes results.json. Exit code 4 when an output differs from the reference.
    """
    from asc_kit.board import load_board
    from asc_kit.bundle import Bundle
    from asc_kit.cli import invoke
    from asc_kit.console import console, progress_bar
    from asc_kit.firmware import read_firmware
    from asc_kit.records import write_json

    from .bench import RESULTS, benchmark, choose_clips
    from .connection import connect_port, firmware_of, start_boards
    from .cycles.bench import chosen_parts, show_cycles
    from .emulator import require_emulator
    from .table import result_tables

    if board is None and port is None:
        raise click.UsageError("give --board NAME, --port PORT, or both")
    if port is not None and jobs not in (None, 1):
        raise click.UsageError("a board on a port does one clip at a time: --jobs goes with an emulated --board")
    if port is not None and optimize != "speed":
        raise click.UsageError("a board on a port has its firmware: --optimize goes with an emulated --board")
    if port is not None and (estimate_cycles or part):
        raise click.UsageError("a board on a port counts its own cycles: estimates go with an emulated --board")
    spec = load_board(board) if board is not None else None
    parts = chosen_parts(spec, part) if spec is not None and (estimate_cycles or part) else ()
    opened = Bundle.open(bundle)
    dataset = choose_clips(opened, data, split, limit, layout)
    _check_writable(out or bundle)

    with ExitStack() as stack:
        if port is not None:
            sessions: tuple[Session, ...] = (connect_port(stack, port, baud, opened),)
            if board not in (None, sessions[0].hello.board):
                raise BoardError(f"the board on {port} is {sessions[0].hello.board}, not {board}")
            firmware = firmware_of(opened, sessions[0])
        else:
            assert spec is not None
            if spec.emulator is None:
                raise BoardError(f"board {board} has no emulator", hint="plug it in and give its --port")
            require_emulator(spec.emulator)
            folder = invoke("firmware", bundle=bundle, board=board, out=None, optimize=optimize, build=True)
            assert isinstance(folder, Path)
            built = folder
            firmware = read_firmware(folder)
            # nanoseconds are only true when nothing else runs beside
            usual = min(2, os.cpu_count() or 1) if spec.timer != "ns" else 1
            sessions = start_boards(stack, spec, opened, folder, firmware, min(jobs or usual, len(dataset.clips)))
        with progress_bar(f"{sessions[0].hello.board}, {mode}", len(dataset.clips)) as (bar, task):
            result = benchmark(opened, dataset, mode, sessions, firmware, lambda: bar.advance(task))

    path = (out or bundle / "results" / f"{result.board}-{mode}") / RESULTS
    write_json(path, result)
    console.print(result_tables(result))
    if parts and spec is not None and firmware is not None:
        show_cycles(spec, parts, opened, dataset, (built, firmware), path.parent)
    console.print(f"Result: {path}", soft_wrap=True, markup=False)
    if as_json:
        say_json(result)
    if result.bit_identical != result.clips:
        wrong = next(item for item in result.predictions if not item.bit_identical)
        raise MismatchError(
            f"{result.clips - result.bit_identical} of {result.clips} outputs differ from the reference kernels, "
            f"the first for {wrong.filename}",
            hint=f"see bit_identical in {path}; this is a defect of the engine or of the board, report it",
        )
    return path


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON document on stdout.")
def boards(as_json: bool) -> None:
    """List the boards this kit knows."""
    from rich.markup import escape
    from rich.table import Table

    from asc_kit.board import board_names, load_board
    from asc_kit.records import to_plain

    specs = [load_board(name) for name in board_names()]
    if as_json:
        say_json([to_plain(spec) for spec in specs], indent=None)
        return
    table = Table("name", "board", "core", "timer", "flash", "RAM", "emulated", "tested on")
    emulation = {"qemu": "yes", "process": "native program"}
    for spec in specs:
        memory = spec.memory
        table.add_row(
            spec.name,
            escape(spec.title),
            escape(spec.core),
            spec.timer,
            " + ".join(f"{n // 1024} kB" for n in (memory.flash_bytes, memory.constants_bytes) if n) if memory else "",
            f"{memory.ram_bytes // 1024} kB" if memory else "",
            emulation[spec.emulator.kind] if spec.emulator is not None else "no",
            escape(spec.tested_on),
        )
    _print(table)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON document on stdout.")
def ports(as_json: bool) -> None:
    """List the serial ports of this machine."""
    from dataclasses import asdict

    from rich.markup import escape
    from rich.table import Table

    from asc_kit.console import console

    from .transport import available_ports

    found = available_ports()
    if as_json:
        say_json([asdict(port) for port in found], indent=None)
        return
    if not found:
        console.print("No serial ports. Is the board plugged in, and the cable one with data lines?")
        return
    table = Table("port", "description", "hardware")
    for port in found:
        table.add_row(*map(escape, (port.path, port.description, port.hardware_id)))
    _print(table)


def _check_writable(folder: Path) -> None:
    """Refuse before minutes of measuring, not after."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise AscKitError(f"{folder} cannot be the folder of the results: {existing} is a file")
    if not os.access(existing, os.W_OK):
        raise AscKitError(f"{existing} is not writable", hint="choose another folder for the results with --out")


def _print(table: Table) -> None:
    """Print a list, which is a result, on stdout: in full width where no terminal limits it."""
    from asc_kit.console import PipeConsole

    console = PipeConsole(highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
