"""The benchmark: clips through a board, one result out."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from asc_kit import __version__
from asc_kit.board import BoardSpec, TimerKind, board_names, load_board
from asc_kit.bundle import Bundle
from asc_kit.dataset import TEST_SPLITS, Dataset, Layout, read_dataset
from asc_kit.errors import DataError
from asc_kit.evaluation import check_labels, evaluation_of
from asc_kit.firmware import FirmwareManifest
from asc_kit.protocol import HelloFlag, TimerUnit
from asc_kit.references import reference_of_model
from asc_kit.result import BenchmarkResult, Latency, Memory, OperatorTime, Prediction, Summary
from asc_kit.sampling import proportional

from .measure import Measurement, Mode
from .session import Session

RESULTS = "results.json"

_UNITS: dict[TimerUnit, TimerKind] = {
    TimerUnit.CYCLES: "cycles",
    TimerUnit.INSTRUCTIONS: "instructions",
    TimerUnit.NS: "ns",
}


def choose_clips(
    bundle: Bundle, root: Path, split: str | None, limit: int | None, layout: Layout | None = None
) -> Dataset:
    """Read a data set and choose the clips to measure.

    Parameters
    ----------
    split
        Name of the split; None for the one the bundle was measured on, or else the usual test split.
    limit
        How many clips, stratified over scenes and recording devices; None for all.
    layout
        What the user says the data set's layout is; None to find out.

    Raises
    ------
    DataError
        When the data set is missing or broken, a recording is missing, or its labels are not the model's.
    """
    manifest = bundle.manifest
    names = (split,) if split is not None else (manifest.provenance.metrics_int8.split, *TEST_SPLITS)
    dataset = read_dataset(root, layout=layout).for_task(manifest.task).split(*names)
    if limit is not None:
        dataset = proportional(dataset, limit)
    check_labels(dataset, manifest.labels, manifest.task)
    for clip in dataset.clips:
        if not dataset.path(clip).is_file():
            raise DataError(
                f"recording {dataset.path(clip)} does not exist", hint=f"{root / 'meta.csv'} and the split name it"
            )
    return dataset


def benchmark(
    bundle: Bundle,
    dataset: Dataset,
    mode: Mode,
    sessions: Sequence[Session],
    firmware: FirmwareManifest | None,
    advance: Callable[[], object],
) -> BenchmarkResult:
    """Run all clips on boards that run the bundle.

    Parameters
    ----------
    bundle
        What the boards run; checked by the caller.
    dataset
        The clips.
    mode
        Send int8 features, or audio.
    sessions
        One or more boards of the same kind and firmware.
    firmware
        The firmware's manifest, if it is at hand.
    advance
        Called after each clip, from any thread.

    Raises
    ------
    AscKitError
        When a recording cannot be read or a board fails.
    """
    if mode == "audio":
        for session in sessions:
            session.require(HelloFlag.AUDIO)
    measurement = Measurement(bundle=bundle, dataset=dataset, mode=mode)
    predictions = measurement.predict_all(sessions, advance)
    profile = _profile(measurement, sessions[0], firmware) if firmware is not None else ()
    manifest, hello = bundle.manifest, sessions[0].hello
    board = load_board(hello.board) if hello.board in board_names() else None
    scores = np.stack([bundle.probabilities(np.array(item.outputs, np.int8)).mean(axis=0) for item in predictions])
    windows = sum(len(item.outputs) for item in predictions)
    n_features = windows * manifest.input.n_elements
    return BenchmarkResult(
        schema_version=2,
        asc_kit=__version__,
        name=manifest.name,
        board=hello.board,
        board_title=board.title if board is not None else hello.board,
        core=board.core if board is not None else "unknown",
        emulated=_is_emulated(board),
        engine=firmware.engine if firmware is not None else "unknown",
        mode=mode,
        model_sha256=hello.model_sha256,
        spec_id=hello.spec_id,
        firmware_id=hello.firmware_id,
        task=manifest.task,
        labels=manifest.labels,
        parameters=manifest.parameters,
        macs=manifest.macs,
        clips=len(predictions),
        windows=windows,
        evaluation=evaluation_of(dataset, scores, manifest.labels, manifest.provenance.train_recording_devices),
        bit_identical=sum(item.bit_identical for item in predictions),
        host_agreement=sum(item.predicted == item.host_predicted for item in predictions),
        feature_mismatch_share=sum(item.feature_mismatches for item in predictions) / n_features,
        feature_lsb_max=max(item.feature_lsb_max for item in predictions),
        train_recording_devices=manifest.provenance.train_recording_devices,
        latency=_latency(sessions[0], predictions, mode),
        memory=_memory(sessions, firmware),
        profile=profile,
        link_retries=sum(session.link.statistics.retries for session in sessions),
        environment=_environment(board, has_toolchain=firmware is not None)
        | {"reference": reference_of_model(bundle.model_path.read_bytes())},
        predictions=predictions,
    )


def _profile(measurement: Measurement, session: Session, firmware: FirmwareManifest) -> tuple[OperatorTime, ...]:
    """Measure the operators one by one, in a run of its own so that the clocks' reading is not in the latency."""
    if not session.hello.flags & HelloFlag.PROFILE or session.hello.n_operators != len(firmware.operators):
        return ()
    session.write_input(measurement.reference_input(measurement.windows(0)[0]))
    session.run(macs=measurement.bundle.manifest.macs, profile=True)
    return tuple(
        OperatorTime(index=info.index, op=info.op, output=info.output, macs=info.macs, time=time)
        for info, time in zip(firmware.operators, session.profile(), strict=True)
    )


def _latency(session: Session, predictions: Sequence[Prediction], mode: Mode) -> Latency:
    network = Summary.of([time for item in predictions for time in item.network_times])
    return Latency(
        unit=_UNITS[session.hello.timer_unit],
        timer_hz=session.hello.timer_hz,
        min=network.min,
        median=network.median,
        p95=network.p95,
        max=network.max,
        frontend=(
            Summary.of([time for item in predictions for time in item.frontend_times]) if mode == "audio" else None
        ),
    )


def _memory(sessions: Sequence[Session], firmware: FirmwareManifest | None) -> Memory:
    stats = [session.stats() for session in sessions]
    known = firmware.memory if firmware is not None else None
    return Memory(
        arena_bytes=sessions[0].hello.arena_bytes,
        stack_bytes=max(item.stack_used_bytes for item in stats) if stats[0].stack_size_bytes > 0 else None,
        code_bytes=known.code_bytes if known else None,
        weight_bytes=known.weight_bytes if known else None,
        frontend_bytes=known.frontend_bytes if known else None,
        frontend_code_bytes=known.frontend_code_bytes if known else None,
        frontend_table_bytes=known.frontend_table_bytes if known else None,
        image_flash_bytes=known.image_flash_bytes if known else None,
        image_ram_bytes=known.image_ram_bytes if known else None,
    )


def _is_emulated(board: BoardSpec | None) -> bool:
    return board is not None and board.emulator is not None and board.emulator.kind != "process"


def _environment(board: BoardSpec | None, *, has_toolchain: bool) -> dict[str, str]:
    found = {"system": platform.platform(), "python": platform.python_version(), "numpy": np.__version__}
    for package in ("ai-edge-litert", "tflite-runtime"):
        try:
            found[package] = metadata.version(package)
            break  # the first one installed is the one that runs
        except metadata.PackageNotFoundError:
            continue
    if board is not None and board.emulator is not None and _is_emulated(board):
        found["emulator"] = _first_line([board.emulator.program, "--version"])
    if board is not None and has_toolchain:
        found["compiler"] = _first_line([board.compiler, "--version"])
    return found


def _first_line(command: list[str]) -> str:
    # a board on a port can be an emulator of another machine: nothing of it need be installed here
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "not installed here"
    except subprocess.TimeoutExpired:
        return "did not answer"
    return answer.stdout.partition("\n")[0].strip()
