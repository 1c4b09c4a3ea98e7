"""A whole measurement of a stream, from a recording to the result: ``asc-kit bench --mode stream``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from asc_kit.cli.output import say_json
from asc_kit.errors import AscKitError, BoardError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from asc_kit.bundle import Bundle
    from asc_kit.dataset import Layout
    from asc_kit.firmware import FirmwareManifest
    from asc_kit.frontend import FrontEndSpec
    from asc_kit.hardware.board import Board, Optimize

    from ..line.session import Session

RESULT = "stream.json"


def bench_stream(
    bundle: Bundle,
    spec: Board | None,
    port: str | None,
    baud: int,
    data: Path,
    layout: Layout | None,
    split: str | None,
    limit: int | None,
    hop_s: float | None,
    optimize: Optimize,
    out: Path | None,
    as_json: bool,
) -> Path | None:
    """Send a stream to a board; returns the file of the result, if there is an `out`. Parameters as of `bench`."""
    from asc_kit.frontend import ListenSpec
    from asc_kit.process.console import console, progress_bar
    from asc_kit.records.record import write_json
    from asc_kit.scores.tables import titled_table

    from .measurement import judge_stream, stream_lines, stream_through

    frontend = bundle.manifest.frontend
    usual = bundle.manifest.hop_samples or frontend.clip_samples // 2
    listen = ListenSpec.nearest(frontend, usual if hop_s is None else hop_s * frontend.sample_rate_hz)
    if out is not None and out.exists():
        raise AscKitError(f"{out} exists already, and results replace nothing", hint="give --out another folder")
    audio = _recording(bundle, data, layout, split, limit)
    with ExitStack() as stack:
        session, firmware = _connect(stack, bundle, spec, port, baud, optimize)
        windows = max(0, 1 + (len(audio) - listen.window_samples) // listen.hop_samples)
        with progress_bar(f"{session.hello.board}, stream", windows) as (bar, task):
            result = stream_through(bundle, session, audio, listen, firmware, lambda: bar.advance(task))
    table = titled_table(f"{bundle.manifest.name} on {result.board}", "", "")
    for line in stream_lines(result):
        table.add_row(*line)
    console.print(table)
    if as_json:
        say_json(result)
    path = None
    if out is not None:
        out.mkdir(parents=True)
        path = out / RESULT
        write_json(path, result)
        console.print(f"Result: {path}", soft_wrap=True, markup=False)
    judge_stream(result)
    return path


def _connect(
    stack: ExitStack, bundle: Bundle, spec: Board | None, port: str | None, baud: int, optimize: Optimize
) -> tuple[Session, FirmwareManifest | None]:
    from asc_kit.firmware import read_firmware
    from asc_kit.stages import firmware_stage

    from ..line.connection import connect_port, firmware_of, start_boards
    from ..line.emulator import require_emulator

    if port is not None:
        session = connect_port(stack, port, baud, bundle, spec)
        return session, firmware_of(bundle, session)
    assert spec is not None
    if spec.emulator is None:
        raise BoardError(f"board {spec.name} has no emulator", hint="plug it in and give its --port")
    require_emulator(spec.emulator)
    folder = firmware_stage().write_firmware(bundle.path, spec, optimize=optimize, build=True, listens=True)
    firmware = read_firmware(folder)
    (session,) = start_boards(stack, spec, bundle, folder, firmware, 1)
    return session, firmware


def _recording(
    bundle: Bundle, data: Path, layout: Layout | None, split: str | None, limit: int | None
) -> NDArray[np.int16]:
    """Return a file as a stream, or the clips of a data set one after the other, [samples]."""
    import numpy as np

    from ..bench.clips import choose_clips

    frontend = bundle.manifest.frontend
    if data.is_file():
        return _samples(data, frontend)
    dataset = choose_clips(bundle, data, split, limit, layout).dataset
    return np.concatenate([_samples(dataset.path(clip), frontend) for clip in dataset.clips])


def _samples(path: Path, frontend: FrontEndSpec) -> NDArray[np.int16]:
    from asc_kit.recordings.audio import read_audio, resample, to_int16

    samples, rate_hz = read_audio(path)
    return to_int16(resample(samples, rate_hz, frontend.sample_rate_hz))
