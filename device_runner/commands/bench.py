"""``asc-kit bench``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from asc_kit.cli.options import layout_option, optimize_option
from asc_kit.cli.output import say_json
from asc_kit.errors import AscKitError, BoardError

if TYPE_CHECKING:
    from asc_kit.bundle import Bundle
    from asc_kit.dataset import Layout
    from asc_kit.firmware import FirmwareManifest
    from asc_kit.hardware.board import Board, Optimize
    from asc_kit.result import BenchmarkResult

    from ..bench.clips import ChosenClips
    from ..bench.journal import Journal, Subject
    from ..line.session import Session

_NEWEST = ""
"""Value of --resume without a folder."""


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--board",
    metavar="BOARD",
    help="Board to measure, by name or path; one that has an emulator is started. See: boards.",
)
@click.option(
    "--port", metavar="PORT", help="Where a board is plugged in: /dev/ttyACM0, socket://host:port. See: ports."
)
@click.option("--baud", type=click.IntRange(min=300), default=115_200, show_default=True, help="Rate of the port.")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the data set, in one of six layouts (--layout); a recording for --mode stream.",
)
@layout_option
@click.option("--split", metavar="NAME", help="Split of the data set.  [default: its test split]")
@click.option(
    "--mode",
    type=click.Choice(["features", "audio", "stream"]),
    default="features",
    show_default=True,
    help="Send int8 features (the network alone), audio (the board computes the features too), or one long stream: "
    "clips without a pause, or --data FILE.",
)
@click.option(
    "--hop",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time from window to window of a stream, in whole frames.  [default: the bundle's]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Measure only N clips, stratified over scenes and devices; the result says that it is partial.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of emulators that run at once.  [default: 2 if they count instructions, else 1]",
)
@optimize_option
@click.option(
    "--estimate-cycles", is_flag=True, help="Also estimate the cycles of an inference on parts with the board's core."
)
@click.option(
    "--part", metavar="PART", help="Estimate cycles for this part, operator by operator: a name, or PART.toml."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="New folder for results.json.  [default: results/BUNDLE/BOARD-MODE/TIME-HASH beside the bundle]",
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value=_NEWEST,
    metavar="[DIR]",
    help="Continue an interrupted measurement: the measurement in DIR, or the newest of this bundle, board and mode.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document on stdout.")
def bench(
    bundle: Path,
    board: str | None,
    port: str | None,
    baud: int,
    data: Path,
    layout: Layout | None,
    split: str | None,
    mode: Literal["features", "audio", "stream"],
    hop: float | None,
    limit: int | None,
    jobs: int | None,
    optimize: Optimize,
    estimate_cycles: bool,
    part: str | None,
    out: Path | None,
    resume: str | None,
    as_json: bool,
) -> Path | None:
    """Measure accuracy and latency of BUNDLE on a board, and compare every clip with the host's reference kernels.

    Each measurement writes results.json into a new folder and replaces no other. Finished clips are kept: the same
    command with --resume continues an interrupted measurement.

    The exit code is 3 if the board or the line fails or a time cannot be true. It is 4 if an output differs from the
    reference kernels', or the board's features differ from the NumPy reference by more than docs/frontend.md allows.

    With --mode stream a board listens as docs/listening.md says, and every window is compared; --out is optional then.
    """
    from asc_kit.bundle import Bundle
    from asc_kit.hardware.board import load_board
    from asc_kit.process.console import console, progress_bar

    from ..bench import place
    from ..bench.clips import choose_clips
    from ..bench.runner import describe_subject, measure
    from ..bench.table import result_tables
    from ..bench.verdict import judge
    from ..cycles.bench import chosen_parts, show_cycles

    if board is None and port is None:
        raise click.UsageError("give --board BOARD, --port PORT, or both")
    if port is not None and jobs not in (None, 1):
        raise click.UsageError("a board on a port takes one clip at a time: --jobs goes with an emulated --board")
    if port is not None and optimize != "speed":
        raise click.UsageError("a board on a port has its firmware: --optimize goes with an emulated --board")
    if port is not None and (estimate_cycles or part):
        raise click.UsageError("a board on a port counts its own cycles: estimates go with an emulated --board")
    if mode == "stream" and (resume is not None or jobs is not None or estimate_cycles or part):
        raise click.UsageError("a stream goes to one board from its begin: leave --resume, --jobs and estimates out")
    if mode != "stream" and hop is not None:
        raise click.UsageError("--hop goes with --mode stream: clips have the bundle's windows")
    resume = _folder_to_resume(resume, out)
    spec = load_board(board) if board is not None else None
    parts = chosen_parts(spec, part) if spec is not None and (estimate_cycles or part) else ()
    opened = Bundle.open(bundle)
    if mode == "stream":
        from ..streams.session import bench_stream

        return bench_stream(opened, spec, port, baud, data, layout, split, limit, hop, optimize, out, as_json)
    chosen = choose_clips(opened, data, split, limit, layout)
    if resume is None:
        place.check_new(out, bundle)
    elif resume != _NEWEST:
        place.check_unfinished(Path(resume))

    with ExitStack() as stack:
        sessions, firmware, built = _connect(stack, opened, chosen, spec, port, baud, jobs, optimize)
        subject = describe_subject(opened, chosen, mode, sessions[0])
        journal = stack.enter_context(_journal(opened, subject, sessions[0].board, firmware, out, resume))
        with _kept(journal), progress_bar(f"{subject.board}, {mode}", subject.clips) as (bar, task):
            bar.advance(task, len(journal.done))
            result = measure(opened, chosen, sessions, firmware, journal, lambda: bar.advance(task))
        try:
            # shown before it is written: a full disk must not cost the figures
            console.print(result_tables(result))
            if as_json:
                say_json(result)
        finally:
            path = _write(result, journal)
        if parts and spec is not None and firmware is not None and built is not None:
            show_cycles(spec, parts, opened, chosen.dataset, (built, firmware), path.parent)
        console.print(f"Result: {path}", soft_wrap=True, markup=False)
    judge(result)
    return path


def _folder_to_resume(resume: str | None, out: Path | None) -> str | None:
    if resume is None or out is None:
        return resume
    if resume != _NEWEST and Path(resume) != out:
        raise click.UsageError(f"--resume {resume} continues in its own folder: leave --out out")
    return str(out)


def _connect(
    stack: ExitStack,
    bundle: Bundle,
    chosen: ChosenClips,
    spec: Board | None,
    port: str | None,
    baud: int,
    jobs: int | None,
    optimize: Optimize,
) -> tuple[tuple[Session, ...], FirmwareManifest | None, Path | None]:
    """Greet the board on a port, or build firmware and start emulated boards that run it; give its folder too."""
    from asc_kit.firmware import read_firmware
    from asc_kit.outputs import RefusedError
    from asc_kit.stages import firmware_stage

    from ..line.connection import connect_port, firmware_of, start_boards
    from ..line.emulator import require_emulator

    if port is not None:
        session = connect_port(stack, port, baud, bundle, spec)
        if spec is not None and spec.name != session.hello.board:
            raise BoardError(f"the board on {port} is {session.hello.board}, not {spec.name}")
        return (session,), firmware_of(bundle, session), None
    assert spec is not None
    if spec.emulator is None:
        raise BoardError(f"board {spec.name} has no emulator", hint="plug it in and give its --port")
    require_emulator(spec.emulator)
    try:
        folder = firmware_stage().write_firmware(bundle.path, spec, optimize=optimize, build=True)
    except RefusedError as failure:
        # --out is where this command puts results
        raise RefusedError(
            failure.message,
            hint="bench builds firmware there: move that folder away to keep your changes",
        ) from None
    firmware = read_firmware(folder)
    # nanoseconds are true only if nothing else runs
    usual = min(2, os.cpu_count() or 1) if spec.timer != "ns" else 1
    count = min(jobs or usual, len(chosen.dataset.clips))
    return start_boards(stack, spec, bundle, folder, firmware, count), firmware, folder


@contextmanager
def _journal(
    bundle: Bundle,
    subject: Subject,
    board: Board | None,
    firmware: FirmwareManifest | None,
    out: Path | None,
    resume: str | None,
) -> Iterator[Journal]:
    """Begin a measurement's journal, or resume a journal of the same subject."""
    from asc_kit.process.console import note

    from ..bench import place
    from ..bench.assembly import environment_of
    from ..bench.journal import JOURNAL, Journal

    if resume is None:
        environment = environment_of(bundle, board, has_toolchain=firmware is not None)
        with place.begun(out, bundle.path, subject, environment) as journal:
            yield journal
        return
    folder = Path(resume) if resume != _NEWEST else place.find_unfinished(bundle.path, subject.board, subject.mode)
    journal, is_cut = Journal.take_up(folder / JOURNAL)
    try:
        difference = journal.header.subject.difference(subject)
        if difference is not None:
            raise AscKitError(
                f"{folder} cannot be resumed, it measures something else: {difference}",
                hint="repeat the command that began it, with --resume; without --resume a new measurement begins",
            )
        if is_cut:
            note(f"the last line of {journal.path} was cut off, and is dropped: its clip is measured again")
        note(f"{folder}: {len(journal.done)} of {subject.clips} clips were done before")
        yield journal
    finally:
        journal.close()


@contextmanager
def _kept(journal: Journal) -> Iterator[None]:
    """Say how to resume an interrupted measurement."""
    from asc_kit.process.console import console

    try:
        yield
    except BaseException:
        if journal.done:
            console.print(
                f"{len(journal.done)} of {journal.header.subject.clips} clips are done and kept. "
                f"Go on with the same command and: --resume {journal.path.parent}",
                soft_wrap=True,
                markup=False,
            )
        raise


def _write(result: BenchmarkResult, journal: Journal) -> Path:
    """Write results.json, and remove the journal once it is on the disk."""
    from asc_kit.records.files import sync
    from asc_kit.records.record import write_json
    from asc_kit.result import RESULTS

    path = journal.path.parent / RESULTS
    if path.exists():
        raise AscKitError(
            f"{path} appeared during the measurement, and results replace nothing",
            hint=f"move it away and repeat the command with --resume {journal.path.parent}; no clip is measured again",
        )
    try:
        write_json(path, result)
        sync(path)
    except OSError as failure:
        raise AscKitError(
            f"{path} cannot be written: {failure.strerror}",
            hint="nothing is lost, and nothing is measured again: make room, then repeat the command with "
            f"--resume {journal.path.parent}",
        ) from failure
    journal.remove()
    return path
