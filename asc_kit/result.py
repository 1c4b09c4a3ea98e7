"""A benchmark of a bundle on a board: ``results.json``. Reports are made from these files and nothing else.

Where measurements lie: ``results/BUNDLE/BOARD-MODE/RUN_ID/results.json`` beside the bundle, so that nothing that is
made again replaces one, and no measurement another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np
from pydantic import ConfigDict, Field

from asc_kit.dataset import Task
from asc_kit.records.fields import (
    MAX_CLIPS,
    MAX_OPERATORS,
    MAX_WINDOWS,
    Count,
    DeviceName,
    Devices,
    Figure,
    Hertz,
    Index,
    InnerPath,
    Label,
    Labels,
    Line,
    Macs,
    Name,
    Output,
    RealTicks,
    Sha256,
    ShortId,
    Steps,
    Ticks,
    Tools,
    differ,
    require,
)
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, short_id
from asc_kit.scores.evaluation import AnyEvaluation, Evaluation

RESULTS = "results.json"
"""Name of the file; each measurement has its own folder."""
RUN_ID = r"\d{8}T\d{6}Z-[0-9a-f]{8}"
"""When a measurement began, in UTC, and a hash of what was measured: sorted by name they are sorted by time."""
FEATURE_TOLERANCE_LSB = 1
"""Largest distance of a board's int8 feature from the NumPy reference, in quantization steps."""
FEATURE_TOLERANCE_SHARE = 0.01
"""Share of a measurement's features that may differ at all. docs/frontend.md shows what boards achieve."""

MAX_BANDS = 8
"""Number of mel bands that a place names."""
Moment: TypeAlias = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
"""A time in UTC, to the second."""

Side = Literal["input", "front_end", "network"]
"""Who is to blame for a difference: the board's input memory, its front end, or its network. A line that is to blame
gives no result at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Latency of one stage over all inferences, in the timer's own unit."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    min: Ticks
    median: RealTicks
    p95: RealTicks
    max: Ticks

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
    """Unit of the counts."""
    timer_hz: Hertz
    """Counts per second of the board's (virtual) time."""
    min: Ticks
    median: RealTicks
    p95: RealTicks
    max: Ticks
    frontend: Summary | None
    """The front end, one window; None in features mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes on the board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    arena_bytes: Count
    """RAM of the network, input included."""
    stack_bytes: Count | None
    """Deepest use of the stack seen; None where the board cannot tell."""
    code_bytes: Count | None
    """Machine code of the engine; None when the firmware was not built here."""
    weight_bytes: Count | None
    """Weights and other constants of the network; None when the firmware was not built here."""
    frontend_bytes: Count | None
    """RAM of the front end."""
    frontend_code_bytes: Count | None
    """Machine code of the front end."""
    frontend_table_bytes: Count | None
    """Constants of the front end."""
    image_flash_bytes: Count | None
    """Flash of the whole image."""
    image_ram_bytes: Count | None
    """RAM of the whole image, without the stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDifference:
    """A difference between board and host in a clip, located by sending the clip again."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    window: Count
    """Index of the window, from 0."""
    side: Side
    """Part of the board that differs."""
    reproducible: bool
    """Whether the board gave the same result again."""
    text: Line
    """Description of the observation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePlace:
    """The place where a clip's features differ most from the reference."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    window: Count
    """The window, from 0."""
    bands: Annotated[tuple[Count, ...], Field(min_length=1, max_length=MAX_BANDS)]
    """Its mel bands that differ most, worst first, counted from 0."""
    first_frame: Count
    """First frame in which one of them differs."""
    last_frame: Count
    """Last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCounters:
    """Faults on the line to the board and back that were repaired."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    retries: Count = 0
    """Requests that had to be sent again."""
    frames_dropped: Count = 0
    """Answers that came damaged."""
    frames_stale: Count = 0
    """Answers to older requests."""
    frames_of_others: Count = 0
    """Frames of other sessions: late frames of our own, or answers to another program."""
    seals_refused: Count = 0
    """Answers that passed the checksum although they or their requests were changed on the way."""
    digests_refused: Count = 0
    """Clips whose input or output on the board differed from the host's, by its digest."""
    sessions_lost: Count = 0
    """Times the board had to be greeted again: it was reset, did not answer any more, or the line was bad."""
    clips_repeated: Count = 0
    """Number of repetitions of clips."""
    resumed: Count = 0
    """Number of times that the measurement was interrupted and resumed."""

    def __add__(self, other: LinkCounters) -> LinkCounters:
        return LinkCounters(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A clip on the board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    filename: InnerPath
    """The recording, below the data set's folder."""
    labels: Labels
    """Its classes: one, or any number in a multi-label data set."""
    recording_device: DeviceName
    """Its recording device."""
    predicted: Label
    """The board's most probable label."""
    host_predicted: Label
    """The reference's most probable label: from the same features in features mode, from NumPy features in audio
    mode."""
    outputs: Annotated[tuple[Output, ...], Field(min_length=1, max_length=MAX_WINDOWS)]
    """The board's int8 outputs, window by window; a single window if the bundle has no `hop_samples`."""
    bit_identical: bool
    """Whether the host, given the board's own input, computes the same outputs, in all windows."""
    feature_lsb_max: Steps
    """Largest difference between the board's int8 features and the reference's; 0 in features mode."""
    feature_mismatches: Count
    """Number of features that differ."""
    network_times: Annotated[tuple[Ticks, ...], Field(max_length=MAX_WINDOWS)]
    """Timer counts of the network, window by window."""
    frontend_times: Annotated[tuple[Ticks, ...], Field(max_length=MAX_WINDOWS)]
    """Timer counts of the front end, window by window; zeros in features mode."""
    samples_id: ShortId | None = None
    """Fingerprint of the clip's windows, int16 samples; None where it was not taken."""
    feature_place: FeaturePlace | None = None
    """Place where its features differ most; None if none differs."""
    differences: Annotated[tuple[ClipDifference, ...], Field(max_length=len(get_args(Side)))] = ()
    """Differences between board and host."""

    def __post_init__(self) -> None:
        require(
            (
                len(self.outputs) == len(self.network_times) == len(self.frontend_times),
                f"{self.filename}: outputs and times must be of the same windows",
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """An operator on the board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    index: Index
    op: Name
    output: Line
    macs: Macs
    time: Ticks
    """Timer counts, in a run of its own."""


def _from_schema_2(document: dict[str, Any]) -> dict[str, Any]:
    """Bring a result up to date that knows nothing of runs, limits and what was put right."""
    return {
        **{key: value for key, value in document.items() if key != "link_retries"},
        **dict.fromkeys(("run_id", "started", "finished", "split_clips", "partial")),
        "feature_tolerance_share": FEATURE_TOLERANCE_SHARE,
        "feature_tolerance_lsb": FEATURE_TOLERANCE_LSB,
        "link": {"retries": document.get("link_retries")},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult:
    """A measurement on a board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {2: _from_schema_2}
    REMAKE: ClassVar[str] = "asc-kit bench BUNDLE --board NAME --data DIR"

    schema_version: Literal[3]
    """Version of this record."""
    run_id: Annotated[str, Field(pattern=f"^{RUN_ID}$")] | None
    """Name of the measurement, see `RUN_ID`; None in files of schema 2."""
    started: Moment | None
    """When it began, in UTC, ISO 8601; None in files of schema 2."""
    finished: Moment | None
    """When the last clip was done; None in files of schema 2."""
    asc_kit: Name
    """Version of asc-kit that measured."""
    name: Name
    """The bundle's name."""
    board: Name
    """Name of the board, as it answered."""
    board_title: Line
    """Description of the board."""
    core: Name
    """Its core."""
    emulated: bool
    """Whether an emulator stood for it."""
    engine: Name
    """Engine that ran the network."""
    mode: Literal["features", "audio"]
    """Input that was sent: int8 features, or audio."""
    model_sha256: Sha256
    spec_id: ShortId
    firmware_id: ShortId
    task: Task
    """Whether each clip has exactly one class."""
    labels: Labels
    """Classes, in order."""
    parameters: Count
    macs: Macs
    """Multiply-accumulates of one inference."""
    clips: Count
    """Number of clips."""
    split_clips: Count | None
    """Number of clips of the split; None in files of schema 2."""
    partial: bool | None
    """Whether these are fewer than the split has (``--limit``); None in files of schema 2."""
    windows: Count
    """Number of inferences."""
    evaluation: AnyEvaluation
    """How well the board does, with split and fingerprint of the clips. A clip's scores are the mean over its windows
    of the probabilities."""
    bit_identical: Count
    """Clips whose outputs equal the host's reference kernels on the same int8 inputs, all bits."""
    host_agreement: Count
    """Clips on which the board and the host's whole chain find the same label likeliest."""
    feature_mismatch_share: Figure
    """Share of the board's features that differ from the reference; 0 in features mode."""
    feature_lsb_max: Steps
    """Largest such difference, in quantization steps."""
    feature_tolerance_share: Figure
    """Limit of the share, over the whole measurement."""
    feature_tolerance_lsb: Steps
    """Limit of each difference."""
    train_recording_devices: Devices
    """Recording devices heard in training; all others are unseen."""
    latency: Latency
    memory: Memory
    profile: Annotated[tuple[OperatorTime, ...], Field(max_length=MAX_OPERATORS)]
    """Operator by operator, one inference; empty when the firmware's manifest is not at hand."""
    link: LinkCounters
    """Faults on the line that were repaired."""
    environment: Tools
    """Versions of the host's packages and tools."""
    predictions: Annotated[tuple[Prediction, ...], Field(max_length=MAX_CLIPS)]
    """Clip by clip."""

    def __post_init__(self) -> None:
        n, known = len(self.labels), set(self.labels)
        stranger = next(
            (
                (clip.filename, label)
                for clip in self.predictions
                for label in (*clip.labels, clip.predicted, clip.host_predicted)
                if label not in known
            ),
            None,
        )
        require(
            (stranger is None, "{} has label {!r}, which is not among its labels".format(*(stranger or ("", "")))),
            (differ(self.labels), "labels must differ"),
            (
                all(len(window) == n for clip in self.predictions for window in clip.outputs),
                f"each window must have {n} outputs, one for each label",
            ),
            (
                not self.predictions or self.windows == sum(len(clip.outputs) for clip in self.predictions),
                f"predictions do not have {self.windows:,} windows in all",
            ),
            (
                max(self.bit_identical, self.host_agreement) <= self.clips,
                f"more clips are bit-identical or agree with the host than there are: {self.clips:,}",
            ),
            (
                not isinstance(self.evaluation, Evaluation) or self.evaluation.labels == self.labels,
                "the evaluation is of other labels",
            ),
        )

    @property
    def samples_id(self) -> str | None:
        """Fingerprint of the samples of all clips, in their order; None if a clip has none."""
        ids = [item.samples_id for item in self.predictions]
        return None if None in ids else short_id(ids)

    @property
    def is_front_end_within(self) -> bool:
        """Whether the board's features are as close to the reference's as they must be."""
        return (
            self.feature_lsb_max <= self.feature_tolerance_lsb
            and self.feature_mismatch_share <= self.feature_tolerance_share
        )
