"""The result of a measurement, assembled from its clips."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata

import numpy as np

from asc_kit.bundle import Bundle
from asc_kit.firmware import FirmwareManifest
from asc_kit.hardware.board import Board
from asc_kit.protocol import Hello, HelloFlag
from asc_kit.result import (
    FEATURE_TOLERANCE_LSB,
    FEATURE_TOLERANCE_SHARE,
    BenchmarkResult,
    Latency,
    LinkCounters,
    Memory,
    OperatorTime,
    Prediction,
    Summary,
)
from asc_kit.scores.evaluation import evaluation_of
from asc_kit.tflite.references import reference_of_model

from .clips import ChosenClips
from .journal import ClipDone, Header
from .measurement import Mode
from .times import UNITS


def make_result(
    bundle: Bundle,
    chosen: ChosenClips,
    header: Header,
    clips: Sequence[ClipDone],
    hello: Hello,
    board: Board | None,
    firmware: FirmwareManifest | None,
    profile: tuple[OperatorTime, ...],
    link: LinkCounters,
) -> BenchmarkResult:
    """Assemble a result.

    Parameters
    ----------
    bundle, chosen The bundle and the clips that were measured. header
        The journal's header: time of the beginning, and versions of packages and tools.
    clips
        All finished clips, in the data set's order.
    hello
        The HELLO of the boards.
    board
        The board's description, if there is one.
    firmware
        The firmware's manifest, if it is at hand.
    profile
        Operators' times; empty if not measured.
    link
        Statistics of repairs, in all.
    """
    manifest, dataset, mode = bundle.manifest, chosen.dataset, header.subject.mode
    predictions = tuple(item.prediction for item in clips)
    scores = np.stack([bundle.probabilities(np.array(item.outputs, np.int8)).mean(axis=0) for item in predictions])
    windows = sum(len(item.outputs) for item in predictions)
    n_features = windows * manifest.input.n_elements
    return BenchmarkResult(
        schema_version=3,
        run_id=header.run_id,
        started=header.started,
        finished=max(item.finished for item in clips),
        asc_kit=header.subject.asc_kit,
        name=manifest.name,
        board=hello.board,
        board_title=board.title if board is not None else hello.board,
        core=board.core.title if board is not None else "unknown",
        emulated=is_emulated(board),
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
        split_clips=chosen.split_clips,
        partial=chosen.is_partial,
        windows=windows,
        evaluation=evaluation_of(dataset, scores, manifest.labels, manifest.provenance.train_recording_devices),
        bit_identical=sum(item.bit_identical for item in predictions),
        host_agreement=sum(item.predicted == item.host_predicted for item in predictions),
        feature_mismatch_share=sum(item.feature_mismatches for item in predictions) / n_features,
        feature_lsb_max=max(item.feature_lsb_max for item in predictions),
        feature_tolerance_share=FEATURE_TOLERANCE_SHARE,
        feature_tolerance_lsb=FEATURE_TOLERANCE_LSB,
        train_recording_devices=manifest.provenance.train_recording_devices,
        latency=_latency(hello, predictions, mode),
        memory=_memory(hello, max(item.stack_bytes for item in clips), firmware),
        profile=profile,
        link=link,
        environment=header.environment,
        predictions=predictions,
    )


def operators_of(hello: Hello, firmware: FirmwareManifest | None) -> tuple[OperatorTime, ...]:
    """Return the operators that a board can measure separately, without times; none if their names are unknown."""
    is_known = firmware is not None and hello.n_operators == len(firmware.operators)
    if firmware is None or not is_known or not hello.flags & HelloFlag.PROFILE:
        return ()
    return tuple(
        OperatorTime(index=info.index, op=info.op, output=info.output, macs=info.macs, time=0)
        for info in firmware.operators
    )


def _latency(hello: Hello, predictions: Sequence[Prediction], mode: Mode) -> Latency:
    network = Summary.of([time for item in predictions for time in item.network_times])
    return Latency(
        unit=UNITS[hello.timer_unit],
        timer_hz=hello.timer_hz,
        min=network.min,
        median=network.median,
        p95=network.p95,
        max=network.max,
        frontend=(
            Summary.of([time for item in predictions for time in item.frontend_times]) if mode == "audio" else None
        ),
    )


def _memory(hello: Hello, stack_bytes: int, firmware: FirmwareManifest | None) -> Memory:
    known = firmware.memory if firmware is not None else None
    return Memory(
        arena_bytes=hello.arena_bytes,
        stack_bytes=stack_bytes or None,
        code_bytes=known.code_bytes if known else None,
        weight_bytes=known.weight_bytes if known else None,
        frontend_bytes=known.frontend_bytes if known else None,
        frontend_code_bytes=known.frontend_code_bytes if known else None,
        frontend_table_bytes=known.frontend_table_bytes if known else None,
        image_flash_bytes=known.image_flash_bytes if known else None,
        image_ram_bytes=known.image_ram_bytes if known else None,
    )


def is_emulated(board: Board | None) -> bool:
    """Return whether an emulator stands for a board, so that its time is not real time."""
    return board is not None and board.emulator is not None and board.emulator.kind != "process"


def environment_of(bundle: Bundle, board: Board | None, *, has_toolchain: bool) -> dict[str, str]:
    """Return the versions of the host's packages and tools."""
    versions = {"system": platform.platform(), "python": platform.python_version(), "numpy": np.__version__}
    for package in ("ai-edge-litert", "tflite-runtime"):
        try:
            versions[package] = metadata.version(package)
            break  # the first one installed is the one that runs
        except metadata.PackageNotFoundError:
            continue
    versions["reference"] = reference_of_model(bundle.model_path.read_bytes())
    if board is not None and board.emulator is not None and is_emulated(board):
        versions["emulator"] = _first_line([board.emulator.program, "--version"])
    if board is not None and has_toolchain:
        versions["compiler"] = _first_line([board.compiler, "--version"])
    return versions


def _first_line(command: list[str]) -> str:
    # a board on a port can be an emulator of another machine: nothing of it need be installed here
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "not installed here"
    except subprocess.TimeoutExpired:
        return "did not answer"
    return answer.stdout.partition("\n")[0].strip()
