"""A benchmark result made up from a seed: every field filled, and consistent with its own predictions."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from sample_evaluation import made_up_clips

from asc_kit.dataset import Dataset, Task
from asc_kit.result import (
    BenchmarkResult,
    FeaturePlace,
    Latency,
    LinkCounters,
    Memory,
    OperatorTime,
    Prediction,
    Summary,
)
from asc_kit.scores.evaluation import evaluation_of

LABELS = ("airport", "bus", "metro", "metro_station", "park", "tram")
TRAIN_DEVICES = ("a", "b", "c", "s1")
PLACE = FeaturePlace(window=0, bands=(3, 4), first_frame=1, last_frame=30)
TEST_DEVICES = (*TRAIN_DEVICES, "s4", "s5")


def sample_result(
    seed: int = 1,
    *,
    clips: int = 180,
    mode: Literal["features", "audio"] = "audio",
    unit: Literal["cycles", "instructions", "ns"] = "instructions",
    task: Task = "single_label",
) -> BenchmarkResult:
    """Make up a result; latencies vary from clip to clip unless they are instructions.

    With tags, every fifth clip has another label beside its first, and each clip two windows.
    """
    rng = np.random.default_rng(seed)
    predictions, scores = [], []
    windows = 1 if task == "single_label" else 2
    for number in range(clips):
        label, device = LABELS[number % len(LABELS)], TEST_DEVICES[number // len(LABELS) % len(TEST_DEVICES)]
        right = rng.uniform() < (0.85 if device in TRAIN_DEVICES else 0.6)
        predicted = label if right else str(rng.choice([other for other in LABELS if other != label]))
        times = [1_234_567 if unit == "instructions" else int(rng.normal(1_200_000, 30_000)) for _ in range(windows)]
        frontend_times = [int(rng.normal(900_000, 900)) if mode == "audio" else 0 for _ in range(windows)]
        chances = rng.dirichlet(np.ones(len(LABELS)))
        chances[LABELS.index(predicted)] += 1
        scores.append(chances / 2)
        second = (LABELS[(number + 1) % len(LABELS)],) if task == "multi_label" and number % 5 == 0 else ()
        predictions.append(
            Prediction(
                filename=f"audio/{label}-lyon-{number}-{device}.wav", labels=(label, *second),
                recording_device=device, predicted=predicted, host_predicted=predicted,
                outputs=tuple(tuple(map(int, rng.integers(-128, 127, 6))) for _ in range(windows)),
                bit_identical=True, feature_lsb_max=int(mode == "audio"), feature_mismatches=int(mode == "audio") * 3,
                network_times=tuple(times), frontend_times=tuple(frontend_times), samples_id=f"{number:016x}",
                feature_place=PLACE if mode == "audio" else None,
            )
        )  # fmt: skip
    known = made_up_clips([p.labels for p in predictions], [p.recording_device for p in predictions])
    dataset = Dataset(root=Path("data"), labels=LABELS, clips=known, split_name="test", task=task)
    evaluation = evaluation_of(dataset, np.stack(scores), LABELS, TRAIN_DEVICES)
    network_times = Summary.of([time for p in predictions for time in p.network_times])
    operators = ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "AVERAGE_POOL_2D", "MEAN")
    return BenchmarkResult(
        schema_version=3, run_id=f"20260102T0304{seed % 60:02}Z-0123abcd", started="2026-01-02T03:04:05Z",
        finished="2026-01-02T03:05:06Z", split_clips=clips, partial=False, feature_tolerance_share=0.01,
        feature_tolerance_lsb=1, asc_kit="0.1.0", name="cp_mobile_micro", board="qemu-mps2-an386",
        board_title="Arm MPS2 with the AN386 Cortex-M4F image, emulated by QEMU", core="Cortex-M4F",
        emulated=unit == "instructions", engine="aot", mode=mode, model_sha256=f"{seed:064x}",
        spec_id="0123456789abcdef", firmware_id=f"{seed + 16:016x}", task=task, labels=LABELS, parameters=35062,
        macs=1933280, clips=clips, windows=windows * clips, evaluation=replace(evaluation, data_id="fedcba9876543210"),
        bit_identical=clips, host_agreement=clips, feature_mismatch_share=0.00123 if mode == "audio" else 0.0,
        feature_lsb_max=int(mode == "audio"), train_recording_devices=TRAIN_DEVICES,
        latency=Latency(
            unit=unit, timer_hz=1_000_000_000, min=network_times.min, median=network_times.median,
            p95=network_times.p95, max=network_times.max,
            frontend=Summary.of([t for p in predictions for t in p.frontend_times]) if mode == "audio" else None,
        ),
        memory=Memory(
            arena_bytes=23_456, stack_bytes=None if unit == "ns" else 812, code_bytes=14_320, weight_bytes=37_104,
            frontend_bytes=12_288, frontend_code_bytes=4_100, frontend_table_bytes=9_216, image_flash_bytes=81_920,
            image_ram_bytes=45_056,
        ),
        profile=tuple(
            OperatorTime(index=i, op=op, output=f"tensor_{i}", macs=int(rng.integers(0, 9)) * 50_000,
                         time=int(rng.integers(10_000, 400_000)))
            for i, op in enumerate(operators)
        ),
        link=LinkCounters(retries=2, sessions_lost=1, clips_repeated=1),
        environment={"python": "3.11.7", "numpy": "2.4.6", "qemu": "7.2.0"},
        predictions=tuple(predictions),
    )  # fmt: skip


def host_result(seed: int = 2) -> BenchmarkResult:
    """A result of another board, in wall time, without firmware at hand."""
    result = sample_result(seed, unit="ns")
    return replace(
        result,
        board="host",
        board_title="This machine: the same firmware as a native program",
        core="native",
        profile=(),
        memory=replace(result.memory, code_bytes=None, weight_bytes=None),
    )
