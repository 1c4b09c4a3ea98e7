"""One benchmark of one bundle on one board: ``results.json``. Reports are made from these files and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field

from asc_kit.dataset import Task
from asc_kit.evaluation import AnyEvaluation
from asc_kit.migration import Migrations
from asc_kit.records import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Latency of one stage over all inferences, in the timer's own unit."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    min: int
    median: float
    p95: float
    max: int

    @classmethod
    def of(cls, samples: Sequence[int]) -> Summary:
        """Summarize at least one sample."""
        return cls(
            min=min(samples),
            median=float(np.median(samples)),
            p95=float(np.percentile(samples, 95)),
            max=max(samples),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Latency of one inference of the network, with the front end's beside it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    unit: Literal["cycles", "instructions", "ns"]
    """What is counted."""
    timer_hz: int
    """Counts per second of the board's (virtual) time."""
    min: int
    median: float
    p95: float
    max: int
    frontend: Summary | None
    """The front end, one window; None in features mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes on the board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    arena_bytes: int
    """RAM of the network, input included."""
    stack_bytes: int | None
    """Deepest use of the stack seen; None where the board cannot tell."""
    code_bytes: int | None
    """Machine code of the engine; None when the firmware was not built here."""
    weight_bytes: int | None
    """Weights and other constants of the network; None when the firmware was not built here."""
    frontend_bytes: int | None
    """RAM of the front end."""
    frontend_code_bytes: int | None
    """Machine code of the front end."""
    frontend_table_bytes: int | None
    """Constants of the front end."""
    image_flash_bytes: int | None
    """Flash of the whole image."""
    image_ram_bytes: int | None
    """RAM of the whole image, without the stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One clip on the board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    filename: str
    """The recording, below the data set's folder."""
    labels: tuple[str, ...]
    """Its classes: one, or any number in a multi-label data set."""
    recording_device: str
    """What it was recorded with."""
    predicted: str
    """The likeliest label, says the board."""
    host_predicted: str
    """What the host's reference says: same features in features mode, NumPy features in audio mode."""
    outputs: Annotated[tuple[tuple[int, ...], ...], Field(min_length=1)]
    """The board's int8 outputs, window by window; one window where the bundle has no `hop_samples`."""
    bit_identical: bool
    """Whether the host, given the board's own input, computes the same outputs, in all windows."""
    feature_lsb_max: int
    """Largest difference between the board's int8 features and the reference's; 0 in features mode."""
    feature_mismatches: int
    """Number of features that differ."""
    network_times: tuple[int, ...]
    """Timer counts of the network, window by window."""
    frontend_times: tuple[int, ...]
    """Timer counts of the front end, window by window; zeros in features mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """One operator on the board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    index: int
    op: str
    output: str
    macs: int
    time: int
    """Timer counts, in a run of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult:
    """One run on one board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit bench --bundle BUNDLE --board NAME --data DIR"

    schema_version: Literal[2]
    """Version of this record."""
    asc_kit: str
    """Version that measured."""
    name: str
    """The bundle's name."""
    board: str
    """Name of the board, as it answered."""
    board_title: str
    """What it is."""
    core: str
    """Its core."""
    emulated: bool
    """Whether an emulator stood for it."""
    engine: str
    """Which engine ran the network."""
    mode: Literal["features", "audio"]
    """What was sent: int8 features, or audio."""
    model_sha256: str
    spec_id: str
    firmware_id: str
    task: Task
    """Whether each clip has exactly one class."""
    labels: tuple[str, ...]
    """Classes, in order."""
    parameters: int
    macs: int
    """Multiply-accumulates of one inference."""
    clips: int
    """Number of clips."""
    windows: int
    """Number of inferences."""
    evaluation: AnyEvaluation
    """How well the board does, with split and fingerprint of the clips. A clip's scores are the mean over its windows
    of the probabilities."""
    bit_identical: int
    """Clips whose outputs equal the host's reference kernels on the same int8 inputs, all bits."""
    host_agreement: int
    """Clips on which the board and the host's whole chain find the same label likeliest."""
    feature_mismatch_share: float
    """Share of the board's features that differ from the reference; 0 in features mode."""
    feature_lsb_max: int
    """Largest such difference, in quantization steps."""
    train_recording_devices: tuple[str, ...]
    """Recording devices heard in training; all others are unseen."""
    latency: Latency
    memory: Memory
    profile: tuple[OperatorTime, ...]
    """Operator by operator, one inference; empty when the firmware's manifest is not at hand."""
    link_retries: int
    """Requests that had to be sent again."""
    environment: dict[str, str]
    """What measured: versions of the host's packages and tools."""
    predictions: tuple[Prediction, ...]
    """Clip by clip."""
