"""``asc-kit verify-link``: damage frames on the line to a board, and count the consequences."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.output import say_json
from asc_kit.errors import BoardError, MismatchError

if TYPE_CHECKING:
    from rich.table import Table

    from asc_kit.hardware.board import Board

    from ..attack.report import AttackReport
    from ..line.emulator import Emulator

# A line with at most one fault in so many frames must complete at least this share of its sessions.
_GOOD_LINE_FRAMES = 1000
_GOOD_LINE_SHARE = 0.99


@click.command("verify-link")
@click.option(
    "--board",
    metavar="BOARD",
    help="Board to attack, by name or path; one that has an emulator is started. See: boards.",
)
@click.option(
    "--port", metavar="PORT", help="Where a board is plugged in: /dev/ttyACM0, socket://host:port. See: ports."
)
@click.option("--baud", type=click.IntRange(min=300), default=115_200, show_default=True, help="Rate of the port.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="BUNDLE",
    help="Bundle that the board runs; needed for an emulated board only.",
)
@click.option("--faults", type=click.IntRange(1, 10_000_000), default=1000, show_default=True, help="Number of faults.")
@click.option(
    "--every",
    type=click.FloatRange(2, 1_000_000),
    default=20,
    show_default=True,
    metavar="FRAMES",
    help="Mean number of frames between faults.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Seed of all random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document on stdout.")
def verify_link(
    board: str | None,
    port: str | None,
    baud: int,
    bundle: Path | None,
    faults: int,
    every: float,
    seed: int,
    as_json: bool,
) -> None:
    """Damage frames between host and board in 30 ways, and check that no wrong answer is accepted.

    The exit code is 4 if a wrong answer is accepted, or if a clip is lost or counted twice.
    """
    import time

    from asc_kit.bundle import Bundle
    from asc_kit.hardware.board import load_board
    from asc_kit.process.console import console, progress_bar

    from ..attack.answers import known_clips
    from ..attack.port import FaultyPort
    from ..attack.runner import Attack, measured_patience
    from ..line.link import Link
    from ..line.session import Session
    from ..line.transport import open_port

    if board is None and port is None:
        raise click.UsageError("give --board BOARD, --port PORT, or both")
    if port is None and bundle is None:
        raise click.UsageError("an emulated board needs a network: give --bundle BUNDLE, or the --port of a board")
    spec = load_board(board) if board is not None else None
    opened = Bundle.open(bundle) if bundle is not None else None

    with ExitStack() as stack:
        emulator: Emulator | None = None
        if port is None:
            assert spec is not None and bundle is not None and opened is not None
            emulator = _start(stack, spec, bundle)
        line = open_port(port or _port_of(emulator), baud)
        stack.callback(line.close)
        if emulator is not None:
            emulator.start()
        has_button = emulator is not None and emulator.has_reset
        faulty = FaultyPort(
            line, seed=seed, every=every, reset_board=emulator.reset if emulator and has_button else None
        )
        session = Session(Link(faulty), spec)  # type: ignore[arg-type]
        stack.callback(session.close)
        if spec is not None and spec.name != session.hello.board:
            raise BoardError(f"the board on {port} is {session.hello.board}, not {spec.name}")
        if opened is not None:
            session.check(opened.manifest)
        clips = known_clips(session, opened, seed)
        patience = measured_patience(session, clips[0])
        session.close()

        attack = Attack(faulty, clips, patience, seed)
        start_s = time.monotonic()
        with progress_bar(f"{session.hello.board}, faults", faults) as (bar, task):
            attack.run(faults, lambda count: bar.advance(task, count))
        report = attack.report(session, seed=seed, every=every, seconds=round(time.monotonic() - start_s, 1))

    console.print(_table(report))
    for text in _summary(report):
        console.print(text, soft_wrap=True, markup=False)
    if as_json:
        say_json(report)
    if not report.is_sound:
        raise MismatchError(
            f"{report.clips_wrong} wrong answers were accepted, {report.clips_lost} clips lost, "
            f"{report.clips_doubled} counted twice, and the board died {report.board_faults} times",
            hint="this is a defect of protocol or firmware: report it with the board, --seed and --every",
        )
    if every >= _GOOD_LINE_FRAMES and report.sessions_completed < _GOOD_LINE_SHARE * report.sessions:
        raise BoardError(
            f"{report.sessions_completed} of {report.sessions} sessions completed. Expected: "
            f"{_GOOD_LINE_SHARE:.0%} with a fault in {every:g} frames",
            hint="the line itself has faults, beside the attack's: try another cable or a lower --baud",
        )


def _start(stack: ExitStack, board: Board, bundle: Path) -> Emulator:
    from asc_kit.firmware import read_firmware
    from asc_kit.stages import firmware_stage

    from ..line.emulator import emulate, require_emulator

    if board.emulator is None:
        raise BoardError(f"board {board.name} has no emulator", hint="plug it in and give its --port")
    require_emulator(board.emulator)
    folder = firmware_stage().write_firmware(bundle, board, build=True)
    image = read_firmware(folder).image
    if image is None:
        raise BoardError(f"the firmware in {folder} is not built", hint="asc-kit firmware BUNDLE --board NAME --build")
    return stack.enter_context(emulate(board, folder / image, processor=0))


def _port_of(emulator: Emulator | None) -> str:
    assert emulator is not None
    return emulator.port


def _table(report: AttackReport) -> Table:
    from rich.table import Table

    kinds = Table("fault: what happens", "times", "recovered", "in words", "wrong")
    for column in kinds.columns[1:]:
        column.justify = "right"
    for kind in report.kinds:
        counts = (kind.injected, kind.recovered, kind.refused, kind.wrong)
        kinds.add_row(kind.meaning, *(str(count) for count in counts))
    return kinds


def _summary(report: AttackReport) -> list[str]:
    share = report.sessions_completed / report.sessions
    lines = [
        f"{report.faults:,} faults in {report.frames:,} frames to and from {report.board}, seed {report.seed}, "
        f"{report.seconds:.0f} s",
        f"clips: {report.clips:,}, of which right {report.clips_right:,}, refused in words {report.clips_refused:,}, "
        f"wrong accepted {report.clips_wrong}, lost {report.clips_lost}, counted twice {report.clips_doubled}",
        f"sessions of clips: {report.sessions:,}, of which completed {report.sessions_completed:,} ({share:.2%})",
        f"the link: {report.link.retries:,} requests again, {report.link.frames_dropped:,} frames dropped, "
        f"{report.link.frames_stale:,} stale, {report.link.frames_of_others:,} of other sessions, "
        f"{report.link.seals_refused:,} seals and {report.link.digests_refused:,} digests refused, "
        f"{report.link.clips_repeated:,} clips again",
    ]
    lines += [f"ended in words {count} times: {words}" for words, count in report.words.items()]
    return lines
