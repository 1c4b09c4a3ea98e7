"""A measurement, from connected boards to the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from asc_kit import __version__
from asc_kit.bundle import Bundle
from asc_kit.errors import DataError
from asc_kit.firmware import FirmwareManifest
from asc_kit.inference.interpreter import Int8Model
from asc_kit.process.parallel import in_parallel
from asc_kit.protocol import HelloFlag
from asc_kit.records.record import short_id
from asc_kit.result import BenchmarkResult, LinkCounters, Prediction

from ..line.session import Session
from . import times
from .assembly import environment_of, is_emulated, make_result, operators_of
from .clips import ChosenClips
from .crew import measure_clips, total_counters
from .journal import ClipDone, Journal, Subject
from .measurement import Measurement, Mode, samples_id
from .place import now
from .station import Station


def describe_subject(bundle: Bundle, chosen: ChosenClips, mode: Mode, session: Session) -> Subject:
    """Return the subject of a measurement on this board.

    Raises
    ------
    BoardError
        If the board's timer cannot be as it says, or if it takes no audio but audio is to be sent.
    """
    if mode == "audio":
        session.require(HelloFlag.AUDIO)
    hello = session.hello
    times.check_timer(hello, session.board)
    return Subject(
        asc_kit=__version__,
        bundle=short_id(bundle.manifest),
        model_sha256=hello.model_sha256,
        spec_id=hello.spec_id,
        board=hello.board,
        firmware_id=hello.firmware_id,
        timer=times.UNITS[hello.timer_unit],
        timer_hz=hello.timer_hz,
        mode=mode,
        split=chosen.dataset.split_name or "all",
        split_clips=chosen.split_clips,
        clips=len(chosen.dataset.clips),
        data_id=chosen.dataset.data_id,
    )


def measure(
    bundle: Bundle,
    chosen: ChosenClips,
    sessions: Sequence[Session],
    firmware: FirmwareManifest | None,
    journal: Journal,
    advance: Callable[[], object],
) -> BenchmarkResult:
    """Run the unfinished clips, and return the result of all.

    Parameters
    ----------
    bundle
        The bundle that the boards run; checked by the caller.
    chosen
        The clips.
    sessions
        Sessions with one or more boards of the same kind and firmware.
    firmware
        The firmware's manifest, if it is at hand.
    journal
        Keeps every finished clip, including earlier ones.
    advance
        Called after each clip, from any thread.

    Raises
    ------
    AscKitError
        If a recording cannot be read, a board fails, or the disk is full.
    """
    subject, hello = journal.header.subject, sessions[0].hello
    board = sessions[0].board
    measurement = Measurement(bundle=bundle, dataset=chosen.dataset, mode=subject.mode)
    _check_samples(measurement, journal)
    model = bundle.model_path.read_bytes()
    # made here, not in the boards' threads: loading an interpreter silences the process's stderr for a moment
    stations = [
        Station(session, Int8Model(model, kernels="reference"), is_emulated=is_emulated(board)) for session in sessions
    ]

    def keep(index: int, prediction: Prediction, stack_bytes: int, put_right: LinkCounters) -> None:
        journal.keep(
            ClipDone(
                index=index,
                finished=now(),
                stack_bytes=stack_bytes,
                link=journal.link + put_right,
                prediction=prediction,
            )
        )
        advance()

    todo = [index for index in range(subject.clips) if index not in journal.done]
    if todo:
        measure_clips(measurement, stations, todo, keep)
    operators = operators_of(hello, firmware)
    profile = sessions[0].repeat(lambda: measurement.profile(stations[0], operators)) if operators else ()
    environment = environment_of(bundle, board, has_toolchain=firmware is not None)
    return make_result(
        bundle,
        chosen,
        replace(journal.header, environment=_joined(journal.header.environment, environment)),
        [journal.done[index] for index in range(subject.clips)],
        hello,
        board,
        firmware,
        profile,
        journal.link + total_counters(stations),
    )


def _check_samples(measurement: Measurement, journal: Journal) -> None:
    """Refuse to resume if a recording has changed since it was measured."""
    if not journal.done:
        return
    indices = sorted(journal.done)
    fingerprints = in_parallel(lambda index: samples_id(measurement.windows(index)), indices, "recordings of before")
    for index, fingerprint in zip(indices, fingerprints, strict=True):
        before = journal.done[index].prediction
        clip = measurement.dataset.clips[index]
        if (before.filename, before.samples_id) != (clip.filename, fingerprint):
            raise DataError(
                f"{clip.filename} has changed since it was measured: its samples were {before.samples_id}, and are "
                f"{fingerprint} now",
                hint="measure again without --resume",
            )


def _joined(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Return what measured, if other versions resumed an interrupted measurement."""
    names = dict.fromkeys((*before, *now))
    return {
        name: before[name]
        if before.get(name) == now.get(name) or name not in now
        else f"{before[name]}, then {now[name]}"
        if name in before
        else now[name]
        for name in names
    }
